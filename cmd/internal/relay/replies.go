package relay

import (
	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// fromOutcome turns a handler's reply into ours; fallback where the handler left it open or its
// code is of another class.
func fromOutcome(r message.Reply, fallback wire.Reply) wire.Reply {
	if r.Code/100 != fallback.Code/100 {
		return fallback
	}
	return wire.NewReply(r.Code, r.Enhanced, wire.Printable(r.Text))
}

// Replies, with codes of RFC 5321, Section 4.2.3, and RFC 3463. They do not name causes: those go
// to the log.
var (
	replySyntax      = wire.NewReply(500, "5.5.2", "Syntax error")
	replyTooLong     = wire.NewReply(500, "5.5.6", "Line too long")
	replyUnknown     = wire.NewReply(500, "5.5.1", "Unknown command")
	replyArgument    = wire.NewReply(501, "5.5.4", "Syntax error in arguments")
	replySequence    = wire.NewReply(503, "5.5.1", "Bad sequence of commands")
	replyParameter   = wire.NewReply(555, "5.5.4", "Unsupported parameter")
	replyClosing     = wire.NewReply(421, "4.3.2", "Shutting down, try again")
	replyBusy        = wire.NewReply(421, "4.7.0", "Too many connections, try again later")
	replyTimeout     = wire.NewReply(421, "4.4.2", "Timeout")
	replyErrors      = wire.NewReply(421, "4.7.0", "Too many errors")
	replyLocal       = wire.NewReply(451, "4.3.0", "Local trouble, try again later")
	replyHopLost     = wire.NewReply(451, "4.4.2", "Next hop lost, try again later")
	replyPartly      = wire.NewReply(451, "4.4.2", "Accepted for some recipients only, try again")
	replyDefer       = wire.NewReply(451, "4.7.1", "Cannot be decided now, try again later")
	replyReject      = wire.NewReply(550, "5.7.1", "Refused by policy")
	replyTooBig      = wire.NewReply(552, "5.3.4", "Message too big")
	replyFull        = wire.NewReply(452, "4.3.1", "Too much mail at once, try again later")
	replyTooManyRcpt = wire.NewReply(452, "4.5.3", "Too many recipients")
	replyLoop        = wire.NewReply(554, "5.4.6", "Mail loop: too many Received fields")
	replyBareLine    = wire.NewReply(550, "5.6.0", "Message holds a bare CR or LF")
	replyMalformed   = wire.NewReply(554, "5.6.0", "Message header is malformed")
	reply8Bit        = wire.NewReply(554, "5.6.3", "8-bit message, and the next hop accepts 7-bit only")
	replyAuthFirst   = wire.NewReply(530, "5.7.0", "Authentication required")
	replyTLSFirst    = wire.NewReply(530, "5.7.0", "Must issue a STARTTLS command first")
	replyAuthFailed  = wire.NewReply(535, "5.7.8", "Authentication failed")
	replyAuthLater   = wire.NewReply(454, "4.7.0", "Temporary authentication failure")
	replyDenied      = wire.NewReply(554, "5.7.1", "Access denied")
	replyNotHere     = wire.NewReply(550, "5.7.1", "Relay access denied")
)
