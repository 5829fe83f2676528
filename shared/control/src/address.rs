//! Which addresses lie outside: where the platform may send what teams ask it to send.
//!
//! A team names a host, and its name may lead anywhere: into a network, to the machine itself,
//! or to the service that hands out the machine's credentials. So a name is looked up, every
//! address that it leads to is asked here, and the connection goes to an address that was asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 blocks that are not globally reachable, with the length of their prefixes: IANA's
/// special-purpose registry (RFC 6890 and its successors), multicast and the reserved class E.
const V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // AS112, which answers for private names, and the relays of 6to4, which lead on.
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // 224.0.0.0/4 is multicast, 240.0.0.0/4 reserved, and the last address broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// The only IPv6 block of global unicast addresses (RFC 4291). Loopback, unspecified, IPv4-mapped
/// and -compatible ones, both translations of NAT64 (`64:ff9b::/96`, `64:ff9b:1::/48`), unique
/// local ones (`fd00:ec2::254` among them), link-local, site-local and multicast ones lie outside
/// it, and so does whatever will be invented.
const V6_GLOBAL: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What within it is not globally reachable, or leads to an IPv4 address that is written in it.
const V6: [(Ipv6Addr, u32); 6] = [
    // IETF protocol assignments: Teredo, benchmarking, ORCHID and others.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    // AS112.
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    // The 6bone's, given back.
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16),
    // Documentation (RFC 9637).
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is one of the internet, that a request may be sent to.
pub fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !V4.iter().any(|(block, length)| {
            let apart = u32::from(*block) ^ u32::from(address);
            apart.leading_zeros() >= *length
        }),
        IpAddr::V6(address) => {
            let within = |(block, length): &(Ipv6Addr, u32)| {
                let apart = u128::from(*block) ^ u128::from(address);
                apart.leading_zeros() >= *length
            };
            // An interface identifier made of an IPv4 address (ISATAP, RFC 5214) leads to it.
            let is_isatap = matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _]);
            within(&V6_GLOBAL) && !V6.iter().any(within) && !is_isatap
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outside(text: &str) -> bool {
        is_outside(text.parse().expect(text))
    }

    #[test]
    fn addresses_of_the_internet_are_outside() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "52.95.110.1",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2600:1f18::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:82f::200e",
            "3fff:1000::1",
        ] {
            assert!(outside(address), "{address}");
        }
    }

    #[test]
    fn everything_else_is_inside() {
        for address in [
            // Unspecified and "this network".
            "0.0.0.0",
            "0.255.255.255",
            "::",
            // Loopback.
            "127.0.0.1",
            "127.255.255.255",
            "::1",
            // Private networks.
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "fc00::1",
            "fdff:ffff::1",
            // Carrier-grade NAT.
            "100.64.0.0",
            "100.127.255.255",
            // Link-local: instance metadata, ECS credentials, EKS Pod Identity, time and DNS.
            "169.254.0.0",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "169.254.169.253",
            "169.254.255.255",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd00:ec2::253",
            "fd00:ec2::23",
            // Site-local, discarded.
            "fec0::1",
            "100::1",
            // Protocol assignments, benchmarking, documentation, 6to4 relays, AS112.
            "192.0.0.0",
            "192.0.0.192",
            "192.0.0.255",
            "192.0.2.1",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.175.48.1",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "3fff:fff:ffff::1",
            "5f00::1",
            // Multicast, reserved, broadcast.
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "ff02::1",
            // IPv4 in IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
            "::ffff:169.254.169.254",
            "::ffff:8.8.8.8",
            "::10.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "2002:a9fe:a9fe::1",
            "2002:808:808::1",
            "2001:0:a9fe:a9fe::1",
            "2600:1f18::5efe:a00:1",
            "2600:1f18::200:5efe:a00:1",
        ] {
            assert!(!outside(address), "{address}");
        }
    }

    proptest! {
        #[test]
        fn what_the_standard_library_calls_special_is_inside(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let is_special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!(is_special && is_outside(address.into())), "{}", address);
        }

        #[test]
        fn no_ipv6_form_of_an_ipv4_address_is_outside(bits: u32) {
            let four = Ipv4Addr::from(bits);
            let [a, b, c, d] = four.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for six in [
                four.to_ipv6_mapped(),
                four.to_ipv6_compatible(),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0, 1),
                Ipv6Addr::new(0x2600, 0x1f18, 0, 0, 0, 0x5efe, high, low),
            ] {
                prop_assert!(!is_outside(six.into()), "{}", six);
            }
        }

        #[test]
        fn outside_of_ipv6_is_global_unicast_alone(bits: u128) {
            let address = Ipv6Addr::from(bits);
            let first = address.segments()[0];
            prop_assert!(!is_outside(address.into()) || (0x2000..0x4000).contains(&first), "{}", address);
        }

        #[test]
        fn a_block_ends_where_it_ends(place in 0..V4.len(), offset: u32) {
            let (block, length) = V4[place];
            let host = offset & u32::MAX.checked_shr(length).unwrap_or(0);
            let within = Ipv4Addr::from(u32::from(block) | host);
            prop_assert!(!is_outside(within.into()), "{}", within);
        }
    }
}
