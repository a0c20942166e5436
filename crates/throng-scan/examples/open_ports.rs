//! Prints the open ports of an address, this machine's if none is given.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use throng_scan::Scan;
use throng_scan::event::Event;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1".to_owned());
    let scan = Scan::builder().address(address.parse()?).build()?;
    for event in scan.run()?.blocking() {
        match event {
            Event::Port(port) => println!("Port {} is open", port.number),
            Event::Ended(ended) => println!("{ended:?}"),
            _ => {}
        }
    }
    Ok(())
}
