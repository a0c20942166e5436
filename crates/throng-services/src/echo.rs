//! The echo service (RFC 862): every byte comes back.

use throng_server::Conn;

/// Serves one client.
pub async fn echo(mut conn: Conn) -> throng_server::Result {
    let mut buffer = conn.buffer();
    while conn.read_into(&mut buffer).await? > 0 {
        conn.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}
