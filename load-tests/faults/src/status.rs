//! What `floatswitch cluster status -o json` tells.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::error::FaultError;

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionStatus {
    pub(crate) partition: u16,
    pub(crate) owner: Option<String>,
    pub(crate) end: u64,
    pub(crate) state: String,
    /// Where and why it stopped, if it did.
    pub(crate) stopped: Option<(u64, String)>,
}

/// Who has what, and how far each partition is.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) partitions: Vec<PartitionStatus>,
}

// === impl Status ===

impl Status {
    pub(crate) fn parse(text: &str) -> Result<Self, FaultError> {
        let unreadable = || FaultError::Driver(format!("not the JSON of a status: {text}"));
        let value: Value = serde_json::from_str(text).map_err(|_| unreadable())?;
        let partitions = value["partitions"].as_array().ok_or_else(unreadable)?;
        let partitions: Option<Vec<_>> = partitions.iter().map(partition).collect();
        Ok(Self {
            partitions: partitions.ok_or_else(unreadable)?,
        })
    }

    /// Whether every partition is decided by one of these.
    pub(crate) fn is_run_by(&self, names: &[String]) -> bool {
        self.partitions.iter().all(|one| {
            let owner = one.owner.as_ref();
            one.state == "running" && owner.is_some_and(|owner| names.contains(owner))
        })
    }

    /// The partitions of one process.
    pub(crate) fn owned_by(&self, name: &str) -> BTreeSet<u16> {
        let owned = self
            .partitions
            .iter()
            .filter(|one| one.owner.as_deref() == Some(name));
        owned.map(|one| one.partition).collect()
    }

    /// The partitions that stopped.
    pub(crate) fn stopped(&self) -> impl Iterator<Item = &PartitionStatus> {
        self.partitions.iter().filter(|one| one.stopped.is_some())
    }
}

fn partition(value: &Value) -> Option<PartitionStatus> {
    let stopped_at = value["stopped_offset"].as_u64();
    let reason = value["reason"].as_str().unwrap_or_default();
    Some(PartitionStatus {
        partition: u16::try_from(value["partition"].as_u64()?).ok()?,
        owner: value["owner"].as_str().map(str::to_owned),
        end: value["end"].as_u64()?,
        state: value["state"].as_str()?.to_owned(),
        stopped: stopped_at.map(|offset| (offset, reason.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn owners_and_stops_are_read() {
        let text = r#"{"members":[],"partitions":[
            {"partition":0,"owner":"p1","end":5,"state":"running","stopped_offset":null,"reason":null},
            {"partition":1,"owner":"p2","end":9,"state":"STOPPED","stopped_offset":7,"reason":"no"}]}"#;
        let status = Status::parse(text).unwrap();
        assert!(!status.is_run_by(&["p1".to_owned(), "p2".to_owned()]));
        assert_eq!(status.owned_by("p1").into_iter().collect::<Vec<_>>(), [0]);
        let stopped: Vec<_> = status.stopped().map(|one| one.stopped.clone()).collect();
        assert_eq!(stopped, [Some((7, "no".to_owned()))]);
        assert!(Status::parse("{}").is_err());
    }
}
