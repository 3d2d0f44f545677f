//! A past float told from the folder of a stopped switch, without opening its cards: opening them
//! takes longer the more there are.

use std::future::ready;

use crate::days::cut_books;
use crate::exit::Failure;
use crate::folder::{Contents, DataFolder};
use card::{Day, PartitionId};
use card_processor::PassedCut;
use card_store_embedded::KeptCuts;
use command_log_embedded::{DataLock, read_log_id};
use operations::{
    CutBooks, DayDesk, DeskError, FloatAt, FloatError, FloatTold, PartitionDays, float_at,
};
use settings::Settings;

/// The float, if the folder keeps every partition's cut. The last cut may be in the log only, so it
/// takes a recovery to tell which that is.
pub(super) async fn told(settings: &Settings, at: FloatAt) -> Result<Option<FloatTold>, Failure> {
    let folder = DataFolder::new(&settings.data_dir);
    let is_here = settings.cluster.is_none() && folder.contents()? == Contents::Switch;
    if !is_here || at == FloatAt::Latest {
        return Ok(None);
    }
    let _lock = DataLock::acquire(folder.root()).map_err(Failure::start_error)?;
    let desk = KeptInFolder {
        // The log's own count: with another one some partitions would be left out.
        partition_count: read_log_id(&folder.log())
            .map_err(Failure::start_error)?
            .partition_count,
        cuts: KeptCuts::read(&folder.cards()).map_err(Failure::start_error)?,
    };
    match float_at(&desk, at).await {
        Ok(told) => Ok(Some(told)),
        Err(FloatError::NotYet(_)) => Ok(None),
        Err(error) => Err(super::failure(error)),
    }
}

struct KeptInFolder {
    partition_count: u16,
    cuts: KeptCuts,
}

impl KeptInFolder {
    fn first(
        &self,
        partition: PartitionId,
        from: u64,
    ) -> Result<(PartitionId, Option<CutBooks>), DeskError> {
        let kept = self.cuts.cut_totals(partition, from, 1);
        let read = kept.first().map(PassedCut::read).transpose();
        let read = read.map_err(DeskError::Damaged)?;
        Ok((partition, read.map(cut_books)))
    }
}

impl DayDesk for KeptInFolder {
    fn days(&self) -> impl Future<Output = Result<Vec<PartitionDays>, DeskError>> + Send {
        ready(Err(only_cuts()))
    }

    fn cut(&self, _: Day) -> impl Future<Output = Result<(), DeskError>> + Send {
        ready(Err(only_cuts()))
    }

    fn freeze(&self, _: Day) -> impl Future<Output = Result<(), DeskError>> + Send {
        ready(Err(only_cuts()))
    }

    async fn first_cuts(
        &self,
        from: u64,
    ) -> Result<Vec<(PartitionId, Option<CutBooks>)>, DeskError> {
        let partitions = (0..self.partition_count).map(PartitionId);
        partitions.map(|one| self.first(one, from)).collect()
    }
}

fn only_cuts() -> DeskError {
    DeskError::Unavailable("only the kept cuts are open".to_owned())
}
