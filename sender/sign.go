package sender

import (
	"context"

	"dnseal/sender/identity"
	"dnseal/sender/signing"
	"dnseal/smime"
	"dnseal/smime/message"
)

// SignMessage is [signing.Message]: it signs without rules, for programs where the user is the one
// who may sign.
func SignMessage(ctx context.Context, m *message.Message, ids []*identity.Identity, opts smime.SignOptions) (*message.Edit, error) {
	return signing.Message(ctx, m, ids, opts)
}
