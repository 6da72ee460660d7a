# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What becomes of a frame under the MAC, IPv4 and IPv6 filter: a accepted, d dropped, h for the host only, D dropped
# where the bridge has DHCP of its own. Several filters: the strictest. For `frame matrix`; gives
#
#	rows      a line for each frame; the variables are M A R V G X A6 R6 V6 L VL N

rows() {
	grep -v '^#\|^$' <<'ROWS'
# Ethernet
d a a | another's MAC, ARP                          | src=X arp sha=M spa=A tpa=V
d a a | another's MAC, IPv4                         | src=X ip4 src=A dst=V udp
d a a | another's MAC, IPv6                         | src=X ip6 src=A6 udp
d d d | another's MAC, another EtherType            | src=X raw
a d d | VLAN tag, right address                     | vlan id=5 ip4 src=A udp
a d d | VLAN tag, right IPv6 address                | vlan id=5 ip6 src=A6 udp
a d d | VLAN tag, wrong address                     | vlan id=5 ip4 src=V udp
a d d | priority tag                                | vlan id=0 ip4 src=A udp
a d d | VLAN tag, right ARP                         | vlan id=5 arp sha=M spa=A
d d d | VLAN tag, ARP with another's MAC            | vlan id=5 arp sha=X spa=A
d d d | VLAN tag, advertisement with another's MAC  | vlan id=5 ip6 src=A6 icmp6 type=136 target=A6 opt=2:X
a d d | 802.1ad tag                                 | vlan id=5 tpid=0x88a8 ip4 src=A udp
a d d | two tags                                    | vlan id=5 tpid=0x88a8 vlan id=6 ip4 src=A udp
a d d | MPLS                                        | mpls ip4 src=A udp
a d d | LLC and SNAP                                | llc ip4 src=A udp
a d d | LLDP                                        | raw type=0x88cc
a d d | RARP                                        | raw type=0x8035
a d d | PPPoE                                       | raw type=0x8864
a d d | an experiment                               | raw type=0x88b6
# ARP
a a a | ARP request                                 | arp sha=M spa=A tpa=V
a a a | ARP answer                                  | arp op=2 sha=M spa=A tha=X tpa=V
a a a | gratuitous ARP                              | arp op=2 sha=M spa=A tpa=A
a a a | ARP from a routed address                   | arp sha=M spa=R tpa=V
a a a | ARP probe                                   | arp sha=M spa=0.0.0.0 tpa=V
d d d | ARP probe with another's MAC                | arp sha=X spa=0.0.0.0 tpa=V
a d a | ARP request, another's address              | arp sha=M spa=V tpa=G
a d a | ARP answer, another's address               | arp op=2 sha=M spa=V tha=X tpa=G
a d a | gratuitous ARP, another's address           | arp op=2 sha=M spa=G tpa=G
d a a | ARP request, another's MAC                  | arp sha=X spa=A tpa=V
d a a | ARP answer, another's MAC                   | arp op=2 sha=X spa=A tpa=V
d d a | ARP of IEEE 802, another's MAC              | arp htype=6 sha=X spa=A tpa=V
a d a | ARP of IEEE 802                             | arp htype=6 sha=M spa=A tpa=V
a d a | ARP for another protocol                    | arp ptype=0x86dd sha=M spa=A tpa=V
a d a | ARP with long hardware addresses            | arp hlen=8 sha=M spa=A tpa=V
a d a | ARP with long protocol addresses            | arp plen=16 sha=M spa=A tpa=V
# IPv4
a a a | IPv4                                        | ip4 src=A dst=V udp
a a a | IPv4 from a routed address                  | ip4 src=R dst=V udp
a d a | IPv4 from beside the routed network         | ip4 src=10.8.0.1 dst=V udp
a d a | IPv4, another's address                     | ip4 src=V dst=G udp
a d a | IPv4, the gateway's address                 | ip4 src=G dst=V udp
a d a | IPv4, broadcast as source                   | ip4 src=255.255.255.255 dst=V udp
a a a | IPv4, another protocol                      | ip4 src=A dst=V proto=132 data
a a a | IPv4, first fragment                        | ip4 src=A dst=V more=1 udp
a a a | IPv4, later fragment                        | ip4 src=A dst=V off=64 data
a a a | IPv4, later fragment that looks like DHCP   | ip4 src=A dst=V off=64 udp sport=67 dport=68
a d a | IPv4, another's address, later fragment     | ip4 src=V dst=G off=64 data
a d a | IPv4, EtherType lies                        | type=0x0800 ip6 src=A6 udp
a d a | IPv4, version lies                          | ip4 ver=6 src=A dst=V udp
a d a | IPv4, cut short                             | cut=30 ip4 src=A dst=V udp
a h a | DHCP request                                | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=67
a a a | DHCP request, with its address              | ip4 src=A dst=255.255.255.255 udp sport=68 dport=67
a d a | DHCP request, later fragment                | ip4 src=0.0.0.0 off=64 udp sport=68 dport=67
a d a | DHCP request to one address                 | ip4 src=0.0.0.0 dst=G udp sport=68 dport=67
a d a | from 0.0.0.0, not DHCP                      | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=53
a d a | from 0.0.0.0, another port                  | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=99 dport=67
a D a | DHCP answer                                 | ip4 src=A dst=255.255.255.255 udp sport=67 dport=68
a d a | DHCP answer, the gateway's address          | ip4 src=G dst=255.255.255.255 udp sport=67 dport=68
# what DHCP is told inside
a h a | DHCP for its own MAC                        | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=67 dhcp chaddr=M
a a a | DHCP for its own MAC, with its address      | ip4 src=A dst=G udp sport=68 dport=67 dhcp chaddr=M
d d d | DHCP for another's MAC                      | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=67 dhcp chaddr=X
d d d | the same to one address                     | ip4 src=A dst=G udp sport=68 dport=67 dhcp chaddr=X
d d d | the same from another port                  | ip4 src=A dst=G udp sport=99 dport=67 dhcp chaddr=X
d d d | the same by way of a relay's port           | ip4 src=A dst=G udp sport=67 dport=67 dhcp chaddr=X
d d d | the same in a VLAN                          | vlan id=5 ip4 src=A dst=G udp sport=68 dport=67 dhcp chaddr=X
d d d | DHCP for another kind of address            | ip4 src=A dst=G udp sport=68 dport=67 dhcp htype=6 chaddr=M
d d d | DHCP for a longer address                   | ip4 src=A dst=G udp sport=68 dport=67 dhcp hlen=16 chaddr=M
d d d | DHCP for no address                         | ip4 src=A dst=G udp sport=68 dport=67 dhcp hlen=0 htype=0 chaddr=M
d d d | DHCP cut before chaddr                      | ip4 src=A dst=G more=1 udp sport=68 dport=67 dhcp len=16
d d d | DHCP cut up                                 | ip4 src=A dst=G more=1 udp sport=68 dport=67 dhcp chaddr=M
a a a | too short to be DHCP                        | ip4 src=A dst=G udp sport=68 dport=67 dhcp len=16
a D a | DHCP answer to a relay                      | ip4 src=A dst=G udp sport=67 dport=67 dhcp op=2 chaddr=X
a a a | another's MAC in what isn't DHCP            | ip4 src=A dst=G udp sport=68 dport=69 dhcp chaddr=X
# IPv6
a a a | IPv6                                        | ip6 src=A6 dst=V6 udp
a a a | IPv6, link-local                            | ip6 src=L dst=VL udp
a a a | IPv6 from a routed address                  | ip6 src=R6 dst=V6 udp
a a d | IPv6 from beside the routed network         | ip6 src=fd43:0:0:80::1 dst=V6 udp
a a d | IPv6, another's address                     | ip6 src=V6 dst=A6 udp
a a d | IPv6, another's link-local                  | ip6 src=VL dst=A6 udp
a a d | IPv6 from ::, not detection                 | ip6 src=N udp
a a d | IPv6, EtherType lies                        | type=0x86dd ip4 src=A dst=V udp
a a d | IPv6, version lies                          | ip6 ver=4 src=A6 dst=V6 udp
a a d | IPv6, length lies                           | ip6 len=1000 src=A6 dst=V6 udp
a a d | IPv6, cut short                             | cut=40 ip6 src=A6 dst=V6 udp
a a a | IPv6, extension headers                     | ip6 src=A6 dst=V6 hop dstopt udp
a a d | IPv6, extension header that never ends      | ip6 src=A6 dst=V6 dstopt hlen=90 udp
a a a | IPv6, first fragment                        | ip6 src=A6 dst=V6 frag more=1 udp
a a a | IPv6, later fragment                        | ip6 src=A6 dst=V6 frag off=64 data
a a a | IPv6, later fragment that looks like DHCPv6 | ip6 src=A6 dst=V6 frag off=64 udp sport=547
a a a | IPv6, later fragment that looks like ND     | ip6 src=A6 dst=V6 frag off=64 icmp6 type=134
a a d | IPv6, another's address, fragment           | ip6 src=V6 dst=A6 frag more=1 udp
a a d | IPv6, first fragment without all headers    | ip6 src=A6 dst=V6 frag more=1 next=60
a a a | ping                                        | ip6 src=A6 dst=V6 icmp6 type=128
a a a | ping, first fragment                        | ip6 src=A6 dst=V6 frag more=1 icmp6 type=128
a a a | ping, later fragment                        | ip6 src=A6 dst=V6 frag off=64 next=58 data
a a d | ICMPv6, first fragment without it           | ip6 src=A6 dst=V6 frag more=1 next=58
a a d | ICMPv6, fragment in a first fragment        | ip6 src=A6 dst=V6 frag more=1 frag next=58
a a a | group membership                            | ip6 src=L dst=ff02::16 hop icmp6 type=143
a a d | group membership from ::                    | ip6 src=N dst=ff02::16 hop icmp6 type=143
a a h | DHCPv6 request                              | ip6 src=L dst=ff02::1:2 udp sport=546 dport=547
a a d | DHCPv6 request, another's link-local        | ip6 src=VL dst=ff02::1:2 udp sport=546 dport=547
a a h | DHCPv6 RENEW                                | ip6 src=L dst=ff02::1:2 udp sport=546 dport=547 dhcp6 type=5
D D D | DHCPv6 RELEASE                              | ip6 src=A6 dst=V6 udp sport=999 dport=547 dhcp6 type=8
D D D | DHCPv6 DECLINE                              | ip6 src=A6 dst=V6 udp sport=999 dport=547 dhcp6 type=9
D D D | DHCPv6 of a relay                           | ip6 src=A6 dst=V6 udp sport=547 dport=547 dhcp6 type=12
D D D | DHCPv6 RELEASE behind a header              | ip6 src=A6 dst=V6 dstopt udp sport=999 dport=547 dhcp6 type=8
D D D | DHCPv6 RELEASE, first fragment              | ip6 src=A6 dst=V6 frag more=1 udp sport=999 dport=547
a a D | DHCPv6 answer                               | ip6 src=L dst=VL udp sport=547 dport=546
# router messages
a a h | router solicitation                         | ip6 src=L icmp6 type=133
a a h | router solicitation with its MAC            | ip6 src=L icmp6 type=133 opt=1:M
a a d | router solicitation with another's MAC      | ip6 src=L icmp6 type=133 opt=1:X
a a d | router solicitation, two options            | ip6 src=L icmp6 type=133 opt=1:M opt=1:X
a a d | router solicitation from ::                 | ip6 src=N icmp6 type=133
a a d | router solicitation, another's address      | ip6 src=VL icmp6 type=133
a a d | router solicitation in a fragment           | ip6 src=L frag icmp6 type=133
a a d | router advertisement                        | ip6 src=L icmp6 type=134
a a d | router advertisement with its MAC           | ip6 src=L icmp6 type=134 opt=1:M
a a d | router advertisement, another's address     | ip6 src=VL icmp6 type=134
a a d | router advertisement behind a header        | ip6 src=L hop icmp6 type=134
a a d | router advertisement behind two             | ip6 src=L hop dstopt icmp6 type=134
a a d | router advertisement in a fragment          | ip6 src=L frag more=1 icmp6 type=134
a a d | router advertisement in a whole fragment    | ip6 src=L frag icmp6 type=134
a a d | router advertisement in two fragments       | ip6 src=L frag frag more=1 icmp6 type=134
a a d | redirect                                    | ip6 src=L icmp6 type=137 target=V6
a a d | redirect behind a header                    | ip6 src=L dstopt icmp6 type=137 target=V6
# neighbour advertisements
a a a | advertisement                               | ip6 src=A6 icmp6 type=136 target=A6 opt=2:M
a a a | advertisement without its MAC               | ip6 src=A6 icmp6 type=136 target=A6
a a a | advertisement, link-local                   | ip6 src=L icmp6 type=136 target=L opt=2:M
a a a | advertisement from one for another of its   | ip6 src=L icmp6 type=136 target=A6 opt=2:M
a a a | advertisement of a routed address           | ip6 src=L icmp6 type=136 target=R6 opt=2:M
a a d | advertisement of another's address          | ip6 src=A6 icmp6 type=136 target=V6 opt=2:M
a a d | the same without a MAC                      | ip6 src=A6 icmp6 type=136 target=V6
a a d | advertisement of another's link-local       | ip6 src=L icmp6 type=136 target=VL opt=2:M
a a d | advertisement from another's address        | ip6 src=V6 icmp6 type=136 target=A6 opt=2:M
a a d | advertisement from and of another's         | ip6 src=V6 icmp6 type=136 target=V6 opt=2:M
d d d | advertisement with another's MAC            | ip6 src=A6 icmp6 type=136 target=A6 opt=2:X
d d d | another's MAC in the second option          | ip6 src=A6 icmp6 type=136 target=A6 opt=2:M opt=2:X
d d d | another's MAC behind a nonce                | ip6 src=A6 icmp6 type=136 target=A6 opt=14 opt=2:X
d d d | another's MAC in the third option           | ip6 src=A6 icmp6 type=136 target=A6 opt=14 opt=14 opt=2:X
d d d | another's MAC behind a header               | ip6 src=A6 dstopt icmp6 type=136 target=A6 opt=2:X
d d d | another's MAC in a fragment                 | ip6 src=A6 frag icmp6 type=136 target=A6 opt=2:X
a a d | advertisement with another option           | ip6 src=A6 icmp6 type=136 target=A6 opt=1:M
a a d | advertisement with two options              | ip6 src=A6 icmp6 type=136 target=A6 opt=2:M opt=14
a a d | advertisement behind a header               | ip6 src=A6 dstopt icmp6 type=136 target=A6 opt=2:M
a a d | without option behind a header              | ip6 src=A6 hop icmp6 type=136 target=A6
a a d | advertisement in a fragment                 | ip6 src=A6 frag more=1 icmp6 type=136 target=A6 opt=2:M
a a d | advertisement in a whole fragment           | ip6 src=A6 frag icmp6 type=136 target=A6
# neighbour solicitations
a a a | solicitation                                | ip6 src=A6 icmp6 type=135 target=V6 opt=1:M
a a a | solicitation without its MAC                | ip6 src=A6 icmp6 type=135 target=V6
a a a | solicitation, link-local                    | ip6 src=L icmp6 type=135 target=V6 opt=1:M
a a d | solicitation with another's MAC             | ip6 src=A6 icmp6 type=135 target=V6 opt=1:X
a a d | another's MAC behind a nonce, solicitation  | ip6 src=A6 icmp6 type=135 target=V6 opt=14 opt=1:X
a a d | another's MAC behind a header, solicitation | ip6 src=A6 dstopt icmp6 type=135 target=V6 opt=1:X
a a d | solicitation from another's address         | ip6 src=V6 icmp6 type=135 target=A6 opt=1:M
a a d | solicitation in a fragment                  | ip6 src=A6 frag more=1 icmp6 type=135 target=V6 opt=1:M
a a a | address detection                           | ip6 src=N icmp6 type=135 target=A6
a a a | address detection, link-local               | ip6 src=N icmp6 type=135 target=L
a a a | address detection, routed address           | ip6 src=N icmp6 type=135 target=R6
a a a | address detection with a nonce              | ip6 src=N icmp6 type=135 target=A6 opt=14
a a d | address detection for another's             | ip6 src=N icmp6 type=135 target=V6
a a d | the same with a nonce                       | ip6 src=N icmp6 type=135 target=V6 opt=14
a a d | address detection with a MAC                | ip6 src=N icmp6 type=135 target=A6 opt=1:M
a a d | address detection behind a header           | ip6 src=N dstopt icmp6 type=135 target=A6
a a d | address detection in a fragment             | ip6 src=N frag icmp6 type=135 target=A6
ROWS
}
