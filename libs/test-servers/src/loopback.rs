//! A loopback network for each cluster, so that no two clusters ever want the same address.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::ServerError;

/// Who listens here owns the network; below the ports that outgoing connections get.
const GUARD: (u8, u16) = (254, 7_999);
const NETS_TRIED_MAX: u32 = 64;
/// 127.64.0.0 to 127.127.255.0: away from 127.0.0.1, which everybody uses.
const NETS_COUNT: u32 = 64 * 256;
/// Added to the usual ports in turn: another server may listen on all addresses.
const PORT_OFFSETS: [u16; 3] = [0, 10_000, 20_000];

/// A network 127.x.y.0/24 that no other cluster on this machine uses while this value lives.
#[derive(Debug)]
pub(crate) struct LoopbackNet {
    prefix: [u8; 2],
    port_offset: u16,
    _guard: TcpListener,
}

// === impl LoopbackNet ===

impl LoopbackNet {
    /// Takes a network on which these ports of the first `nodes_count` addresses are free, perhaps all moved up
    /// by the same offset.
    pub(crate) fn take(nodes_count: usize, ports: &[u16]) -> Result<Self, ServerError> {
        static TAKEN: AtomicU32 = AtomicU32::new(0);
        // Processes start at different networks, so they seldom try the same one.
        let start = process::id().wrapping_mul(31);
        for _ in 0..NETS_TRIED_MAX {
            let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
            let net = start.wrapping_add(taken) % NETS_COUNT;
            let [_, _, high, low] = net.to_be_bytes();
            if let Some(net) = Self::claim([64 + high, low], nodes_count, ports) {
                return Ok(net);
            }
        }
        Err(ServerError::NoNetwork {
            tried: NETS_TRIED_MAX,
        })
    }

    /// The address of a node, from 1.
    pub(crate) fn address(&self, number: usize) -> Ipv4Addr {
        address(self.prefix, number)
    }

    /// The port to use in place of the usual one.
    pub(crate) fn port(&self, usual: u16) -> u16 {
        usual + self.port_offset
    }

    fn claim(prefix: [u8; 2], nodes_count: usize, ports: &[u16]) -> Option<Self> {
        let (host, port) = GUARD;
        let guard = TcpListener::bind((address(prefix, host.into()), port)).ok()?;
        let is_free = |offset: &u16| {
            let usual = ports.iter().map(|port| port + offset);
            usual.into_iter().all(|port| {
                (1..=nodes_count).all(|number| {
                    TcpListener::bind(SocketAddrV4::new(address(prefix, number), port)).is_ok()
                })
            })
        };
        let port_offset = PORT_OFFSETS.into_iter().find(|offset| is_free(offset))?;
        Some(Self {
            prefix,
            port_offset,
            _guard: guard,
        })
    }
}

fn address([high, low]: [u8; 2], number: usize) -> Ipv4Addr {
    let host = u8::try_from(number).expect("a cluster has at most three nodes");
    Ipv4Addr::new(127, high, low, host)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::LoopbackNet;

    #[test]
    fn clusters_share_no_address() {
        let first = LoopbackNet::take(3, &[9_092]).unwrap();
        let second = LoopbackNet::take(3, &[9_092]).unwrap();
        assert_ne!(first.address(1), second.address(1));
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let everywhere = TcpListener::bind("0.0.0.0:9142").unwrap();
        let net = LoopbackNet::take(1, &[9_142]).unwrap();
        assert_eq!(net.port(9_142), 19_142);
        drop(everywhere);
    }
}
