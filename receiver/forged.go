package receiver

import (
	"errors"

	"dnseal/smime/message"
)

// Forged results are removed by message.ForgedResults, which needs a header that can be read.

// uncleaned is the outcome for a message whose header could not be read: it is refused for good
// where a line of the header is why, and where policy would let it pass.
func (r *Receiver) uncleaned(out *message.Outcome, why error) *message.Outcome {
	header, ok := errors.AsType[*message.HeaderError](why)
	switch {
	case r.opts.Observe:
	case ok:
		out.Action, out.Reply = message.Reject, header.Reply()
	case out.Action == message.Accept || out.Action == message.Quarantine:
		out.Action, out.Reply = message.Reject, reply(message.Reject)
	}
	return out
}
