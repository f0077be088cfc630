// Package smime signs and verifies messages by S/MIME 4.0 (RFC 8551, RFC 8550)
// with header protection (RFC 9788).
//
// One message in, one message out: [Sign] answers with a [message.Edit],
// [Verify] with a [Report] of every signature found and of what exactly it
// covers, [Explain] with what was done to a message whose signature does not
// hold any more. The package asks no DNS, no network and no clock; whether a key is
// the right one for a name is the caller's question (package receiver).
package smime
