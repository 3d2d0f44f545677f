//! Bounds and deadlines of links.

use std::time::Duration;

use crate::requests::Request;
use crate::switch::{Switch, reply};
use card::Outcome;

/// A deadline that a test waits for.
const SHORT: Duration = Duration::from_millis(200);
/// One that it also must keep, on a machine that may be busy.
const SAFE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn requests_over_the_bound_are_refused_and_the_others_answered() {
    let mut switch = Switch::start(|settings| settings.in_flight_max = 2).await;
    let mut peer = switch.peer().await;
    let three: Vec<_> = (1..=3)
        .flat_map(|trace| Request::purchase(trace).frame())
        .collect();
    peer.send(&three).await;
    let refused = peer.receive().await;
    assert_eq!((refused.trace(), refused.code().as_str()), (3, "96"));
    assert_eq!(switch.meter.level("switch_exchanges_in_flight"), 2);
    switch.approve().await;
    switch.approve().await;
    let answers = peer.receive_many(2).await;
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer.trace())
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(switch.meter.level("switch_exchanges_in_flight"), 0);
    assert_eq!(switch.appended_count(), 2);
}

#[tokio::test]
async fn a_full_link_serves_as_many_at_once_again_and_again() {
    let mut switch = Switch::start(|settings| settings.in_flight_max = 8).await;
    let mut peer = switch.peer().await;
    for round in 0..200 {
        let burst: Vec<_> = (1..=8)
            .flat_map(|number| Request::purchase(round * 8 + number).frame())
            .collect();
        peer.send(&burst).await;
        for _ in 0..8 {
            switch.approve().await;
        }
        for answer in peer.receive_many(8).await {
            assert_eq!(answer.code(), "00");
        }
    }
}

#[tokio::test]
async fn late_replies_are_dropped_and_counted() {
    let mut switch = Switch::start(|settings| {
        settings.in_flight_max = 1;
        settings.reply_timeout = SAFE;
    })
    .await;
    let mut peer = switch.peer().await;
    peer.send(&Request::purchase(1).frame()).await;
    let (late_position, late_command) = switch.command().await;
    // While it holds the only place, others are refused; it is given up when its time has passed.
    let expired = "switch_exchanges_expired_total";
    while switch.meter.count(expired) == 0 {
        assert_eq!(peer.ask(&Request::sign_on().frame()).await.code(), "00");
    }
    switch.deliver(vec![reply(late_position, &late_command, Outcome::Approved)]);
    assert_eq!(switch.meter.count("switch_replies_late_total"), 1);
    assert_eq!(switch.meter.level("switch_exchanges_in_flight"), 0);
    // The connection is as good as before, and its next answer is to its next request.
    peer.send(&Request::purchase(2).frame()).await;
    let (position, command) = switch.command().await;
    switch.deliver(vec![reply(position, &command, Outcome::Approved)]);
    assert_eq!(peer.receive().await.trace(), 2);
}

#[tokio::test]
async fn replies_to_an_earlier_life_or_a_closed_connection_are_dropped() {
    let mut switch = Switch::start(|_| {}).await;
    let mut gone = switch.peer().await;
    gone.send(&Request::purchase(1).frame()).await;
    let (position, command) = switch.command().await;
    let told = reply(position, &command, Outcome::Approved);
    let mut of_earlier_life = told;
    of_earlier_life.reply_to.incarnation ^= 1;
    switch.deliver(vec![of_earlier_life]);
    assert_eq!(switch.meter.count("switch_replies_late_total"), 1);
    let mut to_nobody = told;
    to_nobody.reply_to = card::ReplyTo::NOBODY;
    switch.deliver(vec![to_nobody]);
    assert_eq!(switch.meter.count("switch_replies_late_total"), 1);
    // The same exchange twice: the second time it is no longer there.
    switch.deliver(vec![told, told]);
    assert_eq!(gone.receive().await.code(), "00");
    assert_eq!(switch.meter.count("switch_replies_late_total"), 2);
    gone.finish_sending().await;
    assert!(gone.is_closed().await);
    switch.deliver(vec![told]);
    assert_eq!(switch.meter.count("switch_replies_late_total"), 3);
}

#[tokio::test]
async fn connections_over_the_bound_are_closed_at_once() {
    let mut switch = Switch::start(|settings| settings.connections_max = 4).await;
    let mut served = Vec::new();
    for _ in 0..4 {
        let mut peer = switch.peer().await;
        assert_eq!(peer.ask(&Request::sign_on().frame()).await.code(), "00");
        served.push(peer);
    }
    for _ in 0..1_000 {
        assert!(switch.peer().await.is_closed().await);
    }
    assert_eq!(
        switch.meter.count("switch_connections_refused_total"),
        1_000
    );
    assert_eq!(switch.meter.level("switch_connections"), 4);
    for peer in &mut served {
        peer.send(&Request::purchase(1).frame()).await;
        switch.approve().await;
        assert_eq!(peer.receive().await.code(), "00");
    }
    // A place that gets free is given to the next.
    let mut leaving = served.pop().unwrap();
    leaving.finish_sending().await;
    assert!(leaving.is_closed().await);
    assert_eq!(
        switch
            .peer()
            .await
            .ask(&Request::sign_on().frame())
            .await
            .code(),
        "00"
    );
}

#[tokio::test]
async fn idle_connections_are_closed_but_not_those_that_wait_for_an_answer() {
    let mut switch = Switch::start(|settings| settings.idle_timeout = SAFE).await;
    let (mut idle, mut waiting) = (switch.peer().await, switch.peer().await);
    waiting.send(&Request::purchase(1).frame()).await;
    let (position, command) = switch.command().await;
    assert!(idle.is_closed().await);
    switch.deliver(vec![reply(position, &command, Outcome::Approved)]);
    assert_eq!(waiting.receive().await.code(), "00");
    assert!(waiting.is_closed().await);
    assert_eq!(switch.meter.count("switch_connections_cut_total/idle"), 2);
}

#[tokio::test]
async fn frames_that_never_end_close_the_connection() {
    let switch = Switch::start(|settings| settings.read_timeout = SHORT).await;
    let frame = Request::purchase(1).frame();
    for size in [1, 2, 20, frame.len() - 1] {
        let mut peer = switch.peer().await;
        peer.send(&frame[..size]).await;
        assert!(peer.is_closed().await, "{size} bytes of a frame");
    }
    assert_eq!(
        switch
            .meter
            .count("switch_connections_cut_total/slow_frame"),
        4
    );
}

#[tokio::test]
async fn frames_may_come_byte_by_byte() {
    let mut switch = Switch::start(|_| {}).await;
    let mut peer = switch.peer().await;
    for byte in &Request::purchase(1).frame() {
        peer.send(std::slice::from_ref(byte)).await;
    }
    switch.approve().await;
    assert_eq!(peer.receive().await.code(), "00");
}

#[tokio::test]
async fn peers_that_do_not_read_are_cut() {
    let switch = Switch::start(|settings| settings.read_timeout = SHORT).await;
    let mut deaf = switch.peer().await;
    let frames = Request::sign_on().frame().repeat(1_000);
    deaf.send_until_cut(&frames).await;
    let cut = "switch_connections_cut_total/slow_reader";
    assert_eq!(switch.meter.count(cut), 1);
    assert_eq!(
        switch
            .peer()
            .await
            .ask(&Request::sign_on().frame())
            .await
            .code(),
        "00"
    );
}
