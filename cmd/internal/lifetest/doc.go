// Package lifetest has tests alone: identities go through their whole life at real name servers
// (BIND, Knot, PowerDNS) and at the sandbox, while mail is signed with them and verified elsewhere,
// through a resolver that validates. No message fails at any moment but those of a revoked
// identity, and these within the TTL.
//
// life_test.go takes one identity at a time, many_test.go many under load; stream_test.go is the
// mail.
package lifetest
