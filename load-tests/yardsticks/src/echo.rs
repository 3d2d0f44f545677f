//! Frames over loopback TCP and straight back: what the sockets and the runtime alone allow.

use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::model_client::{Load, LoadArgs, drive};
use crate::report::{Summary, YardstickError};

#[derive(Debug, clap::Args)]
pub(crate) struct EchoArgs {
    #[command(flatten)]
    load: LoadArgs,
}

pub(crate) async fn run(args: &EchoArgs) -> Result<Summary, YardstickError> {
    let load = Load::try_from(args.load)?;
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(YardstickError::io("listen on loopback"))?;
    let address = listener
        .local_addr()
        .map_err(YardstickError::io("find the port"))?
        .to_string();
    let mut serving = JoinSet::new();
    serving.spawn(serve(listener));
    drive(&address, load).await
}

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(echo(stream));
    }
}

/// All that one read gave goes back in one write.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..read]).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn frames_come_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(serve(listener));
        let load = Load {
            connections: 2,
            in_flight: 3,
            duration: Duration::from_millis(100),
        };
        let summary = drive(&address, load).await.unwrap();
        server.abort();
        assert!(summary.count > 0);
    }
}
