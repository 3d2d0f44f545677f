//! Creates the topics of a switch, and refuses those that cannot keep its promises.
//!
//! The commands topic is born with a record at offset 0 of every partition (see [`crate::verify_log`]). A crash
//! between creating the topic and writing these records is healed by the next [`create_or_verify`].

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::birth::{IdentityError, left, show};
use crate::birth_write::ensure_born;
use crate::context::PlainContext;
use crate::settings::{KafkaSettings, SettingsError, TopicNames};
use crate::topic_check::{FoundTopic, TopicProblem, WantedTopic, problems};
use crate::topic_file::topic_file;
use command_log::LogId;

/// Metadata of a new topic reaches all brokers in a moment.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What the topics of a switch should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPlan {
    /// How they are named.
    pub names: TopicNames,
    /// Of the commands topic; fixed for life (LOG-2).
    pub partition_count: u16,
    /// Of the replies topic: at least one for each connector that should not share.
    pub reply_partition_count: u16,
    /// Copies of each partition. With 1 a lost disk is a lost log: for tests only.
    pub replication_factor: u16,
    /// How long commands are kept. Checkpoints must be younger.
    pub retention: Duration,
    /// How long replies are kept.
    pub reply_retention: Duration,
}

impl TopicPlan {
    /// The plan of `deploy/kafka/topics.toml`: 256 and 16 partitions, 3 copies, 7 days and 1 hour.
    #[must_use]
    pub fn new(names: TopicNames) -> Self {
        let file = topic_file();
        let hours = |hours| Duration::from_hours(u64::from(hours));
        Self {
            names,
            partition_count: file.commands.partitions,
            reply_partition_count: file.replies.partitions,
            replication_factor: file.commands.replication,
            retention: hours(file.commands.retention_hours),
            reply_retention: hours(file.replies.retention_hours),
        }
    }

    fn commands(&self) -> WantedTopic {
        WantedTopic {
            partitions: self.partition_count,
            replication: self.replication_factor,
            retention: self.retention,
            ..WantedTopic::new(self.names.commands(), &topic_file().commands)
        }
    }

    fn replies(&self) -> WantedTopic {
        WantedTopic {
            partitions: self.reply_partition_count,
            replication: self.replication_factor,
            retention: self.reply_retention,
            ..WantedTopic::new(self.names.replies(), &topic_file().replies)
        }
    }
}

/// What [`create_or_verify`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicReport {
    /// The log that the commands topic is. Record it with the store before anything else uses it.
    pub log_id: LogId,
    /// Topics that it created.
    pub created: Vec<String>,
    /// Partitions that got their birth record.
    pub births: usize,
}

/// Why the topics cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The settings are no good.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A number of the plan is zero.
    #[error("a topic needs at least one partition and one copy")]
    Plan,
    /// The brokers refused or did not answer.
    #[error("cannot {what}: {reason}")]
    Client {
        /// What was tried.
        what: &'static str,
        /// What the brokers or the client said.
        reason: String,
    },
    /// The topic exists and is no good.
    #[error("topic {topic} cannot be used: {}", join(.problems))]
    Unfit {
        /// Its name.
        topic: String,
        /// All that is wrong.
        problems: Vec<TopicProblem>,
    },
    /// The store knows a log, and it is gone.
    #[error(
        "topic {topic} is gone, but the store belongs to log {expected}: \
         restore the topic, or start over with a new store"
    )]
    Gone {
        /// Its name.
        topic: String,
        /// The log of the store.
        expected: String,
    },
    /// The log is another one.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The work could not be done.
    #[error("the task that looks at the topics has died")]
    Died,
}

fn join(problems: &[TopicProblem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

pub(crate) fn client_error(what: &'static str) -> impl Fn(KafkaError) -> TopicError {
    move |error| TopicError::Client {
        what,
        reason: error.to_string(),
    }
}

/// Creates the topics that are missing, verifies the others, and sees to it that the commands topic is born.
///
/// `expected` is the log that the store belongs to; `None` when the store is new too. Record the id of the report
/// in the store only after this returned. Runs on a tokio runtime; takes at most about `timeout`.
///
/// # Errors
/// As [`TopicError`] says; the topics are then as they were, or created without all births: run it again.
pub async fn create_or_verify(
    settings: &KafkaSettings,
    plan: &TopicPlan,
    expected: Option<&LogId>,
    timeout: Duration,
) -> Result<TopicReport, TopicError> {
    if [
        plan.partition_count,
        plan.reply_partition_count,
        plan.replication_factor,
    ]
    .contains(&0)
    {
        return Err(TopicError::Plan);
    }
    let topics = Topics::open(settings, &plan.names, Instant::now() + timeout)?;
    let wanted = [plan.commands(), plan.replies()];
    if let (Some(expected), None) = (expected, topics.shape(&wanted[0].name)?) {
        return Err(TopicError::Gone {
            topic: wanted[0].name.clone(),
            expected: show(expected),
        });
    }
    let mut created = Vec::new();
    for wanted in &wanted {
        if topics.shape(&wanted.name)?.is_none() && topics.create(wanted).await? {
            created.push(wanted.name.clone());
        }
        topics.verify(wanted).await?;
    }
    let (log_id, births) = born(settings, plan, expected, topics.deadline).await?;
    Ok(TopicReport {
        log_id,
        created,
        births,
    })
}

async fn born(
    settings: &KafkaSettings,
    plan: &TopicPlan,
    expected: Option<&LogId>,
    deadline: Instant,
) -> Result<(LogId, usize), TopicError> {
    let (settings, plan, expected) = (settings.clone(), plan.clone(), expected.cloned());
    let work = move || ensure_born(&settings, &plan, expected.as_ref(), deadline);
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(TopicError::Died))
}

struct Topics {
    admin: AdminClient<PlainContext>,
    reader: BaseConsumer<PlainContext>,
    deadline: Instant,
}

impl Topics {
    fn open(
        settings: &KafkaSettings,
        names: &TopicNames,
        deadline: Instant,
    ) -> Result<Self, TopicError> {
        let failed = client_error("make a kafka client");
        let admin = settings.client("admin");
        let reader = settings.reader("admin-reader", &names.reader_group());
        let context = || PlainContext::new("admin");
        Ok(Self {
            admin: AdminClient::from_config_and_context(&admin, context()).map_err(&failed)?,
            reader: BaseConsumer::from_config_and_context(&reader, context()).map_err(failed)?,
            deadline,
        })
    }

    fn options(&self) -> AdminOptions {
        let left = left(self.deadline);
        AdminOptions::new()
            .request_timeout(Some(left))
            .operation_timeout(Some(left))
    }

    /// Whether the topic was made here, and not by somebody else at the same time.
    async fn create(&self, wanted: &WantedTopic) -> Result<bool, TopicError> {
        let settings = wanted.all_settings();
        let mut topic = NewTopic::new(
            &wanted.name,
            i32::from(wanted.partitions),
            TopicReplication::Fixed(i32::from(wanted.replication)),
        );
        for (name, value) in &settings {
            topic = topic.set(name, value);
        }
        let what = "create a topic";
        let made = loop {
            match self.admin.create_topics([&topic], &self.options()).await {
                Err(error) if self.may_try_again(&error) => tokio::time::sleep(LOOK_AGAIN).await,
                made => break made.map_err(client_error(what))?,
            }
        };
        match made.into_iter().next() {
            Some(Ok(_)) => Ok(true),
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
            Some(Err((name, code))) => Err(TopicError::Client {
                what,
                reason: format!("{name}: {code}"),
            }),
            None => Ok(true),
        }
    }

    /// A client that has just learned the names of its brokers drops what it asked them before.
    fn may_try_again(&self, error: &KafkaError) -> bool {
        use RDKafkaErrorCode as Code;
        let is_passing = matches!(
            error,
            KafkaError::AdminOp(Code::DestroyBroker | Code::BrokerTransportFailure)
        );
        is_passing && !left(self.deadline).is_zero()
    }

    async fn verify(&self, wanted: &WantedTopic) -> Result<(), TopicError> {
        let found = self.found(&wanted.name).await?;
        let problems = problems(wanted, &found);
        if problems.is_empty() {
            return Ok(());
        }
        Err(TopicError::Unfit {
            topic: wanted.name.clone(),
            problems,
        })
    }

    /// Waits until all brokers that are asked know the topic.
    async fn found(&self, name: &str) -> Result<FoundTopic, TopicError> {
        loop {
            if let Some((partitions, replication)) = self.shape(name)?
                && let Some(settings) = self.settings(name).await?
            {
                return Ok(FoundTopic {
                    partitions,
                    replication,
                    settings,
                });
            }
            if left(self.deadline).is_zero() {
                let reason = format!("topic {name} does not show up");
                let what = "look at a topic";
                return Err(TopicError::Client { what, reason });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// How many partitions and copies; `None` while there is no such topic, or not on the broker that answered.
    fn shape(&self, name: &str) -> Result<Option<(usize, usize)>, TopicError> {
        let metadata = self
            .reader
            .fetch_metadata(Some(name), left(self.deadline))
            .map_err(client_error("look at a topic"))?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        Ok(topic.and_then(|topic| {
            let partitions = topic.partitions();
            let copies = partitions
                .iter()
                .map(|partition| partition.replicas().len());
            copies.min().map(|copies| (partitions.len(), copies))
        }))
    }

    async fn settings(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, TopicError> {
        let what = "read a topic's settings";
        let asked = [ResourceSpecifier::Topic(name)];
        let answer = self.admin.describe_configs(&asked, &self.options()).await;
        let answer = match answer {
            Err(error) if self.may_try_again(&error) => return Ok(None),
            answer => answer.map_err(client_error(what))?,
        };
        match answer.into_iter().next() {
            Some(Ok(resource)) => {
                let entries = resource.entries.into_iter();
                let settings: BTreeMap<_, _> = entries
                    .filter_map(|entry| Some((entry.name, entry.value?)))
                    .collect();
                // A broker that has not heard of a new topic yet tells none.
                Ok((!settings.is_empty()).then_some(settings))
            }
            Some(Err(RDKafkaErrorCode::UnknownTopicOrPartition)) | None => Ok(None),
            Some(Err(code)) => Err(TopicError::Client {
                what,
                reason: code.to_string(),
            }),
        }
    }
}
