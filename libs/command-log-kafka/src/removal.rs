//! Takes the topics of a switch away, with everything in them: for demos and tests on borrowed brokers.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::types::RDKafkaErrorCode;

use crate::context::PlainContext;
use crate::settings::{KafkaSettings, TopicNames};
use crate::topics::{TopicError, client_error};

/// Deletes both topics and the group of the processors. What is not there is no error.
///
/// # Errors
/// When the brokers refuse or do not answer in time.
pub async fn delete_topics(
    settings: &KafkaSettings,
    names: &TopicNames,
    timeout: Duration,
) -> Result<(), TopicError> {
    let failed = client_error("delete the topics");
    let config = settings.client("admin");
    let admin = AdminClient::from_config_and_context(&config, PlainContext::new("admin"));
    let admin = admin.map_err(&failed)?;
    let options = AdminOptions::new().operation_timeout(Some(timeout));
    let topics = [names.commands(), names.replies()];
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let deleted = admin.delete_topics(&topics, &options).await;
    for (topic, code) in deleted.map_err(failed)?.into_iter().filter_map(Result::err) {
        if code != RDKafkaErrorCode::UnknownTopicOrPartition {
            return Err(TopicError::Client {
                what: "delete a topic",
                reason: format!("{topic}: {code}"),
            });
        }
    }
    let groups = [names.processor_group()];
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    if let Err(error) = admin.delete_groups(&groups, &options).await {
        tracing::warn!(%error, "the group of the processors is left behind");
    }
    Ok(())
}
