//! A program that is ended by its own pid when the test is, however that ends.

use std::process::Child;

/// It runs, or has run.
pub struct Program(pub Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; both calls then have nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
