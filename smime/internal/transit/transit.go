// Package transit makes content transit-proof (RFC 8551, Section 3.1.3): 7-bit, short lines,
// nothing that mail systems are known to change.
//
//	[Planner]  decides what is done to which part (plan.go, frozen.go) and the header (protect.go)
//	[Emitter]  writes the content (emit.go, qp.go, base64.go), accounts for octets (account.go)
//
// What is not safe ("From ", a lone dot, 8-bit text) is found by package entity (hazard.go).
//
// # Limitations
//
// Parts that somebody else signed or encrypted are never changed: the plan is blocked then, and the
// caller sends the content opaque or refuses it. Systems that take a message apart and write it
// again (rebuild.go) are few: for them alone nothing is blocked, and the parts are named.
package transit
