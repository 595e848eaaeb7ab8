//! Conversations by name.

use crate::keeper::Keeper;
use crate::support::Daemon;
use session::message::Method;
use store::{HostDb, Paths};
use tempfile::TempDir;

#[tokio::test]
async fn a_conversation_is_forgotten_with_the_session_in_which_it_would_go_on() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let (before, last) = (Keeper::start(&paths, 1).await, Keeper::start(&paths, 2).await);
    let [gone, stays] = [before.id(), last.id()];
    before.kill().await;
    last.kill().await;
    let db = HostDb::open(&paths.host_db()).unwrap();
    // It went on in the second one when the first had ended.
    db.put_conversation("went on", gone.as_str(), true).unwrap();
    db.put_conversation("went on", stays.as_str(), true).unwrap();
    db.put_conversation("nightly", gone.as_str(), true).unwrap();
    drop(db);
    let daemon = Daemon::start_in(home).await;
    daemon.local().await.order(Method::SessionRemove { session: gone }).await.unwrap();
    let _home = daemon.stop().await;
    let db = HostDb::open(&paths.host_db()).unwrap();
    assert_eq!(db.conversation("nightly").unwrap(), None);
    assert_eq!(db.conversation("went on").unwrap(), Some((stays.to_string(), true)));
}
