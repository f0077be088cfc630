package enveloped

import (
	"math"

	"dnseal/smime/cms/internal/ber"
)

// Limits of what is written and read. Each is checked before memory is allocated and before
// anything is computed with a private key.
const (
	// MaxRecipients counts the recipients of one message.
	MaxRecipients = 1000
	// DefaultMaxContent is the most octets of content that Decrypt writes by default, and that
	// Encrypt takes under an authenticated cipher.
	DefaultMaxContent = 64 << 20

	// maxTried is how often a private key is used for one message, of many keys (EveryKey) as often
	// as there are keys. A message names a key once, or a few times where it has several
	// certificates.
	maxTried = 8
)

var (
	limitRecipients = ber.Limit{What: "recipients", Max: MaxRecipients}
	// One RecipientInfo can be for every recipient (RFC 5652, Section 6.2.2).
	limitRecipientSize  = ber.Limit{What: "recipient-size", Max: 256 << 10}
	limitRecipientsSize = ber.Limit{What: "recipients-size", Max: 4 << 20}
	// OriginatorInfo has certificates and revocation data, which nothing is done with.
	limitOriginatorSize = ber.Limit{What: "originator-size", Max: 1 << 20}
	limitAttributesSize = ber.Limit{What: "attributes-size", Max: 64 << 10}
)

// limitContent is the limit of content, with room for the padding of CBC where it has one.
func limitContent(most int64, padding int) ber.Limit {
	if most == 0 {
		most = DefaultMaxContent
	}
	return ber.Limit{What: "content-size", Max: int(min(max(most, 0), math.MaxInt32-1)) + padding}
}
