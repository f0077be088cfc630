package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/submit/spool"
	"dnseal/sender/identity"
	"dnseal/sender/signing"
	"dnseal/smime"
	"dnseal/smime/message"
)

// Draft is what the caller gave, as sendmail takes it.
type Draft struct {
	Message *message.Message
	To      []string // recipients
	// FromHeader takes recipients from To, Cc and Bcc too; so it is where To is empty. Of a message
	// that is sent again they are in the fields of that (RFC 5322, Section 3.6.6).
	FromHeader bool
	// Sender is the envelope sender; nil: the From address. Empty: the null sender.
	Sender   *string
	FullName string // for a From that has to be made
}

// Defaults complete what programs on a device leave out.
type Defaults struct {
	// From is the address in From where the message has none, or one without a domain.
	From string
	// Domain completes addresses without one; empty: they are errors.
	Domain string
	// Admin gets what is for addresses without a domain.
	Admin string
}

// Letter is a message that is ready to be handed in.
type Letter struct {
	Envelope spool.Envelope
	Content  *message.Spool
	Result   smime.SignResult
}

// Signer loads the identity that signs a message; nil: none does, and it is handed in as it is.
type Signer func(m *message.Message) (*identity.Identity, error)

// Prepare completes the draft and signs it. The caller closes the content of the letter. Errors:
// no recipient, an address that cannot be read; those of signing.
func Prepare(ctx context.Context, d Draft, def Defaults, signer Signer, opaque bool, now time.Time) (letter *Letter, err error) {
	m, to, err := complete(d, def)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	letter = &Letter{Envelope: spool.Envelope{To: to, Spooled: now}, Content: message.NewSpool(0)}
	edit, err := letter.sign(ctx, m, signer, opaque, now)
	if err == nil {
		letter.Envelope.From, err = sender(d, def, m)
	}
	if err == nil {
		_, err = m.WriteEdited(letter.Content, edit)
	}
	if err = errors.Join(err, edit.Close()); err != nil {
		return nil, errors.Join(err, letter.Content.Close())
	}
	return letter, nil
}

// sign returns the edit that signs the message, or adds the fields it lacks.
func (l *Letter) sign(ctx context.Context, m *message.Message, signer Signer, opaque bool, now time.Time) (*message.Edit, error) {
	if signer == nil {
		host := "localhost.invalid"
		if from, err := m.From(); err == nil && len(from) > 0 {
			host = from[0].Domain
		}
		return &message.Edit{Changes: message.MissingFields(m, host, now)}, nil
	}
	id, err := signer(m)
	if err != nil {
		return nil, err
	}
	return signing.Message(ctx, m, []*identity.Identity{id}, smime.SignOptions{Time: now, Opaque: opaque, Result: &l.Result})
}

// sender is the envelope sender.
func sender(d Draft, def Defaults, m *message.Message) (string, error) {
	if d.Sender != nil {
		text := strings.TrimSuffix(strings.TrimPrefix(*d.Sender, "<"), ">")
		switch {
		case text == "":
			return "", nil // RFC 5321, Section 4.5.5
		case !strings.Contains(text, "@") && def.From != "":
			text = def.From
		}
		as, err := def.recipients(text, false)
		if err != nil {
			return "", fmt.Errorf("submit: the envelope sender: %w", err)
		}
		return as[0], nil
	}
	from, err := m.From()
	if err != nil || len(from) == 0 {
		return "", errors.New("submit: the message has no From address that can be read, and no envelope sender is given (-f)")
	}
	return from[0].String(), nil
}

// complete returns the message with whole addresses and without Bcc, and its recipients.
func complete(d Draft, def Defaults) (*message.Message, []string, error) {
	to, err := recipients(d, def)
	if err != nil {
		return nil, nil, err
	}
	spooled := message.NewSpool(0)
	if _, err = d.Message.WriteEdited(spooled, def.edit(d)); err != nil {
		return nil, nil, errors.Join(err, spooled.Close())
	}
	m, err := message.FromSpool(spooled, message.ReadOptions{})
	return m, to, err
}

// recipients are those of the arguments and of the header, each once.
func recipients(d Draft, def Defaults) (to []string, err error) {
	add := func(where, value string) error {
		as, err := def.recipients(value, true)
		if err != nil {
			return fmt.Errorf("submit: %s: %w", where, err)
		}
		for _, a := range as {
			if !slices.Contains(to, a) {
				to = append(to, a)
			}
		}
		return nil
	}
	for _, a := range d.To {
		if err := add("the recipient "+a, a); err != nil {
			return nil, err
		}
	}
	if d.FromHeader || len(d.To) == 0 {
		for _, f := range addressed(d.Message) {
			if err := add("the field "+f.Name(), f.Value()); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case len(to) == 0:
		return nil, identity.WithHint(errors.New("submit: no recipient"), "name them as arguments, or in To, Cc or Bcc")
	case len(to) > spool.MaxRecipients:
		return nil, fmt.Errorf("submit: %d recipients; at most %d are accepted", len(to), spool.MaxRecipients)
	}
	return to, nil
}

// addressed are the fields that name recipients.
func addressed(m *message.Message) (fields []message.Field) {
	names := []string{"To", "Cc", "Bcc"}
	if m.Has("Resent-To") || m.Has("Resent-Cc") || m.Has("Resent-Bcc") {
		names = []string{"Resent-To", "Resent-Cc", "Resent-Bcc"}
	}
	for _, f := range m.Header() {
		if f.Is(names...) {
			fields = append(fields, f)
		}
	}
	return fields
}

// edit completes the header, and removes what recipients must not see (RFC 5322, Section 3.6.3) or
// what is not the author's to write (RFC 5321, Section 4.4).
func (def Defaults) edit(d Draft) *message.Edit {
	m := d.Message
	gone := func(f message.Field) bool { return f.Is("Bcc", "Resent-Bcc", "Return-Path") }
	changes := message.RemoveAll(m.Header(), gone)
	index := map[string]int{}
	for _, f := range m.Header() {
		name := strings.ToLower(f.Name())
		index[name]++
		if !f.Is("From", "Sender", "Reply-To", "To", "Cc", "Resent-From", "Resent-To", "Resent-Cc") {
			continue
		}
		value := f.Value()
		whole := completed(value, def.Domain)
		if f.Is("From") && def.From != "" && completed(value, "x.invalid") != value {
			whole = " <" + def.From + ">"
		}
		if whole != value {
			changes = append(changes,
				message.Change{Op: message.Delete, Name: f.Name(), Index: index[name]},
				message.Change{Op: message.Append, Name: f.Name(), Value: whole})
		}
	}
	if !m.Has("From") && def.From != "" {
		changes = append(changes, message.Change{Op: message.Append, Name: "From", Value: " " + phrase(d.FullName) + "<" + def.From + ">"})
	}
	return &message.Edit{Changes: changes}
}

// phrase is a display name before an address.
func phrase(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" {
		return ""
	}
	if encoded := mime.QEncoding.Encode("utf-8", name); encoded != name {
		return encoded + " "
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" `
}

// copyOf writes a content.
func copyOf(content *message.Spool) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.Copy(w, content.Open())
		return err
	}
}

// IsSigned reports whether err says that a message is signed or encrypted already.
func IsSigned(err error) bool { return errors.Is(err, smime.ErrAlreadySecured) }
