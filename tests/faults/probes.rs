use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::connection::get;
use crate::ledger::assert_unavailable;
use crate::support::Answer;

/// Asserts what is answered while the store cannot be reached, each within `limit`. All is asked
/// at once, because each answer may take the whole time-out.
pub fn assert_away(address: SocketAddr, limit: Duration) {
    let ask = |path: &'static str| {
        move || {
            let begin = Instant::now();
            let answer = get(address, path);
            assert!(begin.elapsed() < limit, "{path} took {:?}", begin.elapsed());
            answer
        }
    };
    std::thread::scope(|scope| {
        let [alive, ready, admin, health, sheet] =
            ["/livez", "/readyz", "/admin", "/health", "/table/view/date:today"]
                .map(|path| scope.spawn(ask(path)))
                .map(|asked| asked.join().unwrap());
        assert_eq!(alive.status, 200, "{alive:?}");
        ready.problem(503, "not_ready");
        admin.problem(503, "not_ready");
        assert_health(&health, false);
        assert_unavailable(&sheet);
    });
}

/// Asserts what is answered while all is well.
pub fn assert_there(address: SocketAddr) {
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
