use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::connection::get;
use crate::request_log::assert_unavailable;
use crate::support::Answer;

/// Asserts the answers for a store that cannot be reached, each within `limit`. The requests run
/// in parallel, because each may take the whole timeout.
pub fn assert_store_unreachable(address: SocketAddr, limit: Duration) {
    let request = |path: &'static str| {
        move || {
            let begin = Instant::now();
            let answer = get(address, path);
            assert!(begin.elapsed() < limit, "{path} took {:?}", begin.elapsed());
            answer
        }
    };
    std::thread::scope(|scope| {
        let [livez, readyz, admin, health, sheet] =
            ["/livez", "/readyz", "/admin", "/health", "/table/view/date:today"]
                .map(|path| scope.spawn(request(path)))
                .map(|thread| thread.join().unwrap());
        assert_eq!(livez.status, 200, "{livez:?}");
        readyz.problem(503, "not_ready");
        admin.problem(503, "not_ready");
        assert_health(&health, false);
        assert_unavailable(&sheet);
    });
}

/// Asserts the answers for a store that can be reached.
pub fn assert_store_reachable(address: SocketAddr) {
    for path in ["/livez", "/readyz", "/admin", "/table/view/date:today"] {
        let answer = get(address, path);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_health(&get(address, "/health"), true);
}

fn assert_health(answer: &Answer, reachable: bool) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let health = answer.json();
    assert_eq!(health["status"], if reachable { "ready" } else { "not_ready" });
    assert_eq!(health["store"]["reachable"], reachable, "{health}");
}
