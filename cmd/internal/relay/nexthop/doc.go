// Package nexthop is the client side of a relay: it opens SMTP and LMTP transactions at the next
// hops (RFC 5321, 2033), over connections that it keeps in a [Pool].
//
// Start at pool.go: [Pool.Begin] chooses a next hop and opens a transaction. client.go is one
// connection (RFC 2920 pipelining, RFC 3207 STARTTLS), tls.go how the next hop proves itself (RFC
// 7672 DANE), login.go our own login (RFC 4954), origin.go how the client's address is passed on
// (XCLIENT, PROXY), transfer.go and stuff.go the content. [Pool.Probe] tests next hops.
//
// # Limitations
//
// There is no queue and no MX lookup: a next hop is configured by name or address. Failover ends
// with MAIL: after that, a transaction that breaks is the caller's to report. DANE uses the TLSA
// records of the configured name, and does not follow CNAME or MX (RFC 7672, Section 2.2). Content
// is sent by DATA only, not by BDAT, and is not converted: the caller must not send 8-bit content to
// a next hop without 8BITMIME.
package nexthop
