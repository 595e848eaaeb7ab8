//! `longrein revoke DEVICE` and `longrein revoke --grant ID`.

use crate::args::Revoke;
use crate::command::approvals;
use crate::hosts;
use crate::problem::{Hint as _, Outcome, invalid, problem};
use crate::table::clean;
use session::message::{Device, ErrorKind, Failure, Method};
use std::process::ExitCode;

/// Closes a device's connections and forgets its key; or takes back what was allowed until a session ends.
pub async fn run(args: &Revoke) -> Outcome {
    let name = match (&args.device, &args.grant) {
        (_, Some(grant)) => return approvals::revoke(grant, args.json).await,
        (Some(device), None) => device,
        (None, None) => {
            return Err(invalid("A device has to be named").hint("`longrein devices` lists them."));
        }
    };
    let paths = hosts::paths()?;
    let route = hosts::route(&paths, None).await?;
    let mut connection = hosts::open(&route).await?;
    let devices = connection.devices().await.map_err(hosts::failure)?;
    let device = choose(&devices, name)?;
    let id = device.id.clone();
    let _: serde_json::Value = hosts::call(&mut connection, Method::DeviceRevoke { device: id }).await?;
    if args.json {
        say!("{}", serde_json::json!({ "revoked": device.id }));
    } else {
        say!("Revoked {} ({}).", clean(&device.label), device.id);
    }
    Ok(ExitCode::SUCCESS)
}

/// By id or by name. Two devices of one name are not guessed between.
fn choose<'a>(devices: &'a [Device], name: &str) -> Result<&'a Device, Failure> {
    if let Some(device) = devices.iter().find(|device| device.id.as_str() == name) {
        return Ok(device);
    }
    let mut named = devices.iter().filter(|device| device.label == name);
    match (named.next(), named.next()) {
        (Some(device), None) => Ok(device),
        (Some(_), Some(_)) => Err(invalid(format!("Several devices are called {name:?}"))
            .hint("Name one by its id; see `longrein devices`.")),
        (None, _) => Err(problem(ErrorKind::NotFound, format!("No device is called {name:?}"))
            .hint("`longrein devices` lists them.")),
    }
}
