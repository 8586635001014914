//! A TCP proxy that does to a connection what networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens. Offsets count the bytes of one connection that a client sends, or is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The connection closes at this offset.
    CutAfter(u64),
    /// The byte at this offset changes.
    CorruptAt(u64),
    /// Nothing passes from this offset on, and the connection stays open.
    StallAfter(u64),
    /// The connection closes at this offset of what the client is sent.
    CutAnswerAfter(u64),
    /// This many requests are answered with 503, each on its own connection.
    Unavailable(u32),
}

/// A running proxy.
pub(crate) struct FaultProxy {
    /// Address of the root behind it, with a slash at the end.
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts it in front of `upstream` on the current runtime.
    pub(crate) async fn start(upstream: SocketAddr, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let refusals = Arc::new(AtomicU32::new(match fault {
            Fault::Unavailable(times) => times,
            _ => 0,
        }));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let take_one = |left: u32| left.checked_sub(1);
                let order = Ordering::SeqCst;
                if refusals.fetch_update(order, order, take_one).is_ok() {
                    tokio::spawn(refuse(client));
                } else {
                    tokio::spawn(carry(client, upstream, fault));
                }
            }
        });
        Self { url, task }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn refuse(mut client: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let answer =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}

async fn carry(client: TcpStream, upstream: SocketAddr, fault: Fault) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (request, answer) = match fault {
        Fault::CutAnswerAfter(offset) => (None, Some(Fault::CutAfter(offset))),
        other => (Some(other), None),
    };
    tokio::select! {
        // Both halves are dropped, and with them both connections, when either way ends.
        end = spoil(&mut from_client, &mut to_server, request) => end,
        end = spoil(&mut from_server, &mut to_client, answer) => end,
    }
}

async fn spoil(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    fault: Option<Fault>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 4096];
    let mut passed = 0_u64;
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let end = passed + count as u64;
        match fault {
            Some(Fault::CutAfter(offset)) if end > offset => return Ok(()),
            Some(Fault::StallAfter(offset)) if end > offset => std::future::pending().await,
            Some(Fault::CorruptAt(offset)) if (passed..end).contains(&offset) => {
                buffer[usize::try_from(offset - passed).unwrap()] ^= 0x40;
            }
            _ => {}
        }
        to.write_all(&buffer[..count]).await?;
        passed = end;
    }
}
