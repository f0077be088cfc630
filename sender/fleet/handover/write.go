package handover

import (
	"crypto/x509"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"dnseal/sender/identity"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// Write writes one file to w: the header, of which it sets Format, Giver, Entries and, where it is
// zero, At, and the entries. The giver signs; he must have a certificate that states his name,
// because without one nothing in the file would bind the key to the name. An error that comes with
// an entry ends it. Memory does not grow with their number: they are spooled, 256 KiB in memory.
//
// Errors: an entry or a header over a limit or without a key, a giver that cannot sign
// ([identity.Identity.CanSign]) or has no certificate of his name, the one that came with an entry,
// what w or the file system returned.
func Write(w io.Writer, giver *identity.Identity, h Header, entries iter.Seq2[Entry, error]) error {
	if err := giver.CanSign(); err != nil {
		return err
	}
	if giver.Certificate == nil || !giver.Names(giver.Certificate) {
		return fmt.Errorf("handover: %s has no certificate with its name, so that nothing would bind its key to the name", giver.Name)
	}
	h.Format, h.Giver = format, giver.Name
	if h.At.IsZero() {
		h.At = time.Now()
	}
	h.At = h.At.UTC().Truncate(time.Second)
	lines := message.NewSpool(MaxContent)
	defer func() { _ = lines.Close() }()
	if err := h.writeEntries(lines, entries); err != nil {
		return err
	}
	content := message.NewSpool(MaxContent)
	defer func() { _ = content.Close() }()
	first, err := line(h)
	if err != nil {
		return err
	}
	if err := join(content, first, lines); err != nil {
		return err
	}
	opts := cms.SignOptions{
		Signers: []cms.Signer{giver.Signer()}, Certificates: slices.Concat([]*x509.Certificate{giver.Certificate}, giver.Chain), Time: h.At,
	}
	return cms.SignAttached(w, content.Open(), content.Size(), opts)
}

// writeEntries writes the lines behind the first, and counts them.
func (h *Header) writeEntries(w io.Writer, entries iter.Seq2[Entry, error]) error {
	h.Entries = 0
	for e, err := range entries {
		if err != nil {
			return err
		}
		h.Entries++
		if err := h.check(); err != nil {
			return fmt.Errorf("handover: %w", err)
		}
		if err := e.check(h); err != nil {
			return fmt.Errorf("handover: entry %d: %w", h.Entries, err)
		}
		b, err := line(e)
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			return err
		}
	}
	if err := h.check(); err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	return nil
}

// join writes the first line and those behind it.
func join(w io.Writer, first []byte, lines *message.Spool) error {
	if _, err := w.Write(first); err != nil {
		return err
	}
	_, err := lines.WriteRange(w, 0, lines.Size())
	return err
}
