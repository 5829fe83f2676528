//! Blocks of IPv4 addresses.

use std::net::Ipv4Addr;

use serde_json::Value;

/// What `Fn::Cidr` makes of a block, a count and the bits of a host's part: as many blocks, one
/// behind the other. Nothing where the block is no text.
pub(super) fn blocks(argument: &Value) -> Option<Value> {
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let start = start(argument[0].as_str()?)?;
    let count = u32::try_from(number(&argument[1])?).ok()?;
    let bits = u32::try_from(number(&argument[2])?).ok()?;
    let each = 1_u32.checked_shl(bits)?;
    let block = |place: u32| {
        let address = Ipv4Addr::from(start.wrapping_add(place.wrapping_mul(each)));
        Value::from(format!("{address}/{}", 32 - bits))
    };
    Some((0..count).map(block).collect())
}

/// The first address of a block such as `10.0.0.0/16`.
fn start(block: &str) -> Option<u32> {
    let (address, _) = block.split_once('/')?;
    Some(u32::from(address.parse::<Ipv4Addr>().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_block_is_cut_into_equal_ones() {
        let cut = blocks(&json!(["10.0.0.0/16", 3, "12"])).unwrap();
        assert_eq!(cut, json!(["10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"]));
        assert_eq!(blocks(&json!([{"Ref": "Vpc"}, 3, 12])), None);
    }
}
