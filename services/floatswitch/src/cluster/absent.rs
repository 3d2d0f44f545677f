//! What a program that was built without the cluster says to those who ask for one.

use super::args::ClusterCommand;
use crate::books::Work;
use crate::days::DaysWork;
use crate::exit::Failure;
use crate::serve::{Process, Role};
use crate::transfer::{Archive, Imported};
use settings::{Cluster, Settings};

pub(crate) async fn work_on_books<W: Work>(
    _: &Settings,
    _: &Cluster,
    _: W,
) -> Result<W::Done, Failure> {
    Err(absent())
}

pub(crate) async fn work_on_days<W: DaysWork>(
    _: &Settings,
    _: &Cluster,
    _: W,
) -> Result<W::Done, Failure> {
    Err(absent())
}

pub(crate) async fn serve(
    _: &Settings,
    _: &Cluster,
    _: &[Role],
    _: Process,
) -> Result<u8, Failure> {
    Err(absent())
}

pub(crate) async fn run(_: ClusterCommand) -> Result<u8, Failure> {
    Err(absent())
}

fn absent() -> Failure {
    Failure::usage(
        "this program was built without the cluster: build it with `--features cluster`, or take the \
         [cluster] table out of the settings",
    )
}

pub(crate) async fn import(_: &Settings, _: &Cluster, _: &Archive) -> Result<Imported, Failure> {
    Err(absent())
}

pub(crate) async fn prepare(_: &Settings) -> Result<(), Failure> {
    Err(absent())
}

pub(crate) async fn remove(_: &Settings) -> Result<(), Failure> {
    Err(absent())
}
