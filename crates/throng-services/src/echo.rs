//! The echo service (RFC 862): every byte comes back.

use throng_server::{Conn, ConnInfo, End, Handler};

use crate::seen::{Seen, Watch};

/// Gives back what it gets.
#[derive(Default)]
pub struct Echo {
    /// Who is told what it sees.
    pub watch: Watch,
}

impl Handler for Echo {
    async fn setup(&self, conn: &mut Conn) -> throng_server::Result {
        self.watch.tell(conn.peer(), Seen::Accepted);
        Ok(())
    }

    async fn serve(&self, mut conn: Conn) -> throng_server::Result {
        let mut buffer = conn.buffer();
        while conn.read_into(&mut buffer).await? > 0 {
            self.watch.tell(conn.peer(), Seen::Received(&buffer));
            conn.write_all(&buffer).await?;
            buffer.clear();
        }
        Ok(())
    }

    fn finish(&self, conn: &ConnInfo, end: &End) {
        self.watch.tell(&conn.peer, Seen::Closed(end));
    }
}
