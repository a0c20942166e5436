//! The hello service: says hello to each who comes, and closes. The first server that anybody writes.

use throng_server::{Conn, ConnInfo, End, Handler};

use crate::seen::{Seen, Watch};

/// All that it ever says.
const HELLO: &[u8] = b"Hello, World!\r\n";

/// Says hello and closes.
#[derive(Default)]
pub struct Hello {
    /// Who is told what it sees.
    pub watch: Watch,
}

impl Handler for Hello {
    async fn setup(&self, conn: &mut Conn) -> throng_server::Result {
        self.watch.tell(conn.peer(), Seen::Accepted);
        Ok(())
    }

    async fn serve(&self, mut conn: Conn) -> throng_server::Result {
        conn.write_all(HELLO).await?;
        Ok(())
    }

    fn finish(&self, conn: &ConnInfo, end: &End) {
        self.watch.tell(&conn.peer, Seen::Closed(end));
    }
}
