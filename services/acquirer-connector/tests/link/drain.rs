//! A stop answers what is in flight.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::peer::PATIENCE;
use crate::requests::Request;
use crate::switch::{Switch, reply};
use acquirer_connector::Drained;
use card::Outcome;
use command_log::ReplySink;

#[tokio::test]
async fn requests_in_flight_are_answered_before_the_end() {
    let mut switch = Switch::start(|_| {}).await;
    let (mut busy, mut quiet) = (switch.peer().await, switch.peer().await);
    assert_eq!(quiet.ask(&Request::sign_on().frame()).await.code(), "00");
    let mut replies = Vec::new();
    for trace in 1..=3 {
        busy.send(&Request::purchase(trace).frame()).await;
        let (position, command) = switch.command().await;
        replies.push(reply(position, &command, Outcome::Approved));
    }
    let address = switch.connector.addresses()[0];
    let sink = switch.connector.reply_sink();
    let draining = tokio::spawn(switch.connector.drain(PATIENCE));
    // The quiet one is closed at once; the busy one waits for its answers.
    assert!(quiet.is_closed().await);
    assert!(TcpStream::connect(address).await.is_err());
    busy.send(&Request::purchase(4).frame()).await;
    sink.deliver(&mut replies, &[]);
    let answers = busy.receive_many(3).await;
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer.trace())
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(busy.is_closed().await);
    assert_eq!(
        draining.await.unwrap(),
        Drained {
            unanswered_count: 0
        }
    );
    assert_eq!(switch.log.records().len(), 3);
}

#[tokio::test]
async fn patience_ends() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&Request::purchase(1).frame()).await;
    switch.command().await;
    let drained = switch.connector.drain(Duration::from_millis(50)).await;
    assert_eq!(
        drained,
        Drained {
            unanswered_count: 1
        }
    );
    assert!(peer.is_closed().await);
}

#[tokio::test]
async fn peers_that_stop_sending_still_get_their_answers() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    peer.send(&Request::purchase(1).frame()).await;
    peer.finish_sending().await;
    switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
    assert!(peer.is_closed().await);
}
