package entity

import "slices"

// usualTexts are the whole texts that programs put where readers without MIME would see them, with
// white space folded. Any other text next to what is signed is somebody's, and there are readers
// that show it.
var usualTexts = []string{
	// OpenSSL, and what signs by it: neomutt, Crypt::SMIME, PHP, Ruby, M2Crypto,
	// nodemailer-smime; pyca writes the same.
	"This is an S/MIME signed message",
	// dnseal; Heirloom mailx and s-nail.
	"This is an S/MIME signed message.",
	// Thunderbird and all of its line; Horde, Notes.
	"This is a cryptographically signed message in MIME format.",
	// Outlook since 2007.
	"This is a multipart message in MIME format.",
	"This is a multipart message in MIME format",
	// Outlook Express; Sylpheed, SpamAssassin, Mailman, s-nail; Thunderbird where it does not
	// sign.
	"This is a multi-part message in MIME format.",
	"This is a multi-part message in MIME format",
	// MIME::tools: amavis, MIMEDefang, Sympa, Request Tracker.
	"This is a multi-part message in MIME format...",
	// Courier MTA, maildrop and its reformime.
	"This is a MIME-formatted message. If you see this text it means that your E-mail software does not support MIME-formatted messages.",
	// Exchange 5.5; later ones for their own notices.
	"This message is in MIME format. Since your mail reader does not understand this format, some or all of this message may not be legible.",
	"This is a MIME-formatted message. Portions of this message may be unreadable without a MIME-capable mail program.",
	// Pine and Alpine.
	"This message is in MIME format. The first part should be readable text, while the remaining parts are likely unreadable without MIME-aware tools.",
	// Horde.
	"This message is in MIME format.",
	// Sendmail and Postfix, for their own notices.
	"This is a MIME-encapsulated message",
	"This is a MIME-encapsulated message.",
	// GroupWise.
	"This is a MIME message. If you are reading this text, you may want to consider changing to a mail reader or gateway that " +
		"understands how to properly handle MIME multipart messages.",
	// Zend Framework and Laminas.
	"This is a message in Mime Format. If you see this, your mail reader does not support this format.",
	// Programs in Python, by the example in its documentation.
	"You will not see this in a MIME-aware mail reader.",
}

// UsualTexts are the texts that programs put outside the parts.
func UsualTexts() []string { return slices.Clone(usualTexts) }

// OutsideText collects the text before the first part of a multipart, or after the last (RFC 2046,
// Section 5.1.1: readers are to ignore it), with white space folded.
type OutsideText struct {
	folded []byte
	long   bool // longer than any of usualTexts
}

// longestText is as long as the longest of usualTexts.
var longestText = len(slices.MaxFunc(usualTexts, func(a, b string) int { return len(a) - len(b) }))

// Add takes a line, or a piece of a long one.
func (t *OutsideText) Add(l Line) {
	gap := l.First
	if t.folded == nil && len(l.Data) > 0 {
		t.folded = make([]byte, 0, 64)
	}
	for _, c := range l.Data {
		if c == ' ' || '\t' <= c && c <= '\r' {
			gap = true
			continue
		}
		if len(t.folded) > longestText {
			t.long = true
			return
		}
		if gap && len(t.folded) > 0 {
			t.folded = append(t.folded, ' ')
		}
		t.folded, gap = append(t.folded, c), false
	}
}

// Odd reports whether there is any other text. Empty lines are none.
func (t *OutsideText) Odd() bool {
	return t.long || len(t.folded) > 0 && !slices.ContainsFunc(usualTexts, func(usual string) bool { return usual == string(t.folded) })
}
