package demo

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup/lookuptest"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// demoDevice is the device of the demo.
const demoDevice = "sensor7._device.example.net"

// stranger is the other person of the demo, never the author in From.
func (d *demo) stranger() string {
	if d.from == "eve@example.net" {
		return "mallory@example.net"
	}
	return "eve@example.net"
}

// reader is who gets the message encrypted, never the author in From.
func (d *demo) reader() string {
	if d.from == "bob@example.net" {
		return "carol@example.net"
	}
	return "bob@example.net"
}

// people are all whose keys the demo makes.
func (d *demo) people() []string { return []string{d.from, demoDevice, d.reader(), d.stranger()} }

// read reads the message of the demo.
func (d *demo) read(text []byte) error {
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	from, err := m.From()
	if err != nil || len(from) != 1 {
		return cli.Hint(errNoPerson, "choose another --message")
	}
	if smime.Secured(m) != smime.NotSecured {
		return cli.Hint(smime.ErrAlreadySecured, "choose another --message")
	}
	d.from = from[0].String()
	var b bytes.Buffer
	if _, err := m.WriteEdited(&b, nil); err != nil {
		return err
	}
	d.text = b.Bytes()
	return d.file("1-submitted.eml", d.text)
}

func (d *demo) identities(context.Context) error {
	d.title("Identities: two persons and a device make their keys; a stranger makes hers")
	dir := filepath.Join(d.dir, "identities")
	for _, name := range d.people() {
		use, also := identity.UseSign, ""
		if name == d.reader() {
			use, also = identity.UseBoth, "; decrypts too"
		}
		id, err := identity.Create(dir, name, identity.CreateOptions{Use: use})
		if err != nil {
			return err
		}
		d.note("%-30s %s, self-signed, mode 0600%s", id.Name, id.KeyType(), also)
		switch name {
		case d.from:
			d.alice = id
		case d.stranger():
			d.eve = id
		}
	}
	return nil
}

// zones writes the zones with the records of these identities, and shows the records.
func (d *demo) zones(published ...string) ([]lookuptest.Zone, error) {
	texts := map[string]string{d.domain(): "", "example.net": ""}
	for _, name := range published {
		id, err := identity.Load(filepath.Join(d.dir, "identities"), name)
		if err != nil {
			return nil, err
		}
		owner, typ, err := id.OwnerName()
		if err != nil {
			return nil, err
		}
		record, err := id.Record(id.RecordForm())
		if err != nil {
			return nil, err
		}
		line, err := identity.FormatRecord(owner, typ, record, demoTTL, "zone")
		if err != nil {
			return nil, err
		}
		d.note("%s", shorten(line))
		zone := "example.net"
		if name == d.from {
			zone = d.domain()
		}
		texts[zone] += line + "\n"
	}
	var zones []lookuptest.Zone
	for zone, records := range texts {
		zones = append(zones, lookuptest.Zone{Text: emptyZone(zone) + records, File: zone + ".zone"})
	}
	return zones, nil
}

// shorten cuts the long words of a record for a narrow terminal.
func shorten(record string) string {
	words := strings.Fields(record)
	for i, w := range words {
		if label, rest, ok := strings.Cut(w, "."); ok && len(label) > 20 {
			words[i] = label[:8] + "…" + "." + rest
		} else if len(w) > 40 {
			words[i] = w[:8] + "…" + w[len(w)-8:]
		}
	}
	return strings.Join(words, " ")
}

func (d *demo) submit(ctx context.Context) error {
	d.title("%s submits over SMTP; the relay passes it on, signed", d.from)
	var err error
	if d.post, err = openOffice(filepath.Join(d.dir, "identities"), d.from); err != nil {
		return err
	}
	d.note("in      %s", describe(d.text))
	reply, err := d.post.submit(ctx, d.from, d.text)
	if err != nil {
		return err
	}
	d.note("answer  %s", reply)
	if d.boxed, err = d.post.mailbox.Wait(10 * time.Second); err != nil {
		return err
	}
	d.title("Two store-and-forward hops on the way; neither is trusted")
	for _, h := range d.post.hops {
		d.note("%s  added Received, refolded Content-Type; lines re-encoded: %d", h.name, h.converted)
	}
	_, control := downgrade(headerOf(d.text, "Content-Type"), headerOf(d.text, "Content-Transfer-Encoding"), bodyOf(d.text))
	d.note("(of the message as it was submitted: %d)", control)
	return d.file("2-arrived.eml", d.boxed)
}

// describe lists what makes the transit of a message difficult.
func describe(text []byte) string {
	longest, eight, from := 0, 0, false
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		longest = max(longest, len(line))
		from = from || bytes.HasPrefix(line, []byte("From "))
		if bytes.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			eight++
		}
	}
	s := fmt.Sprintf("%d bytes, %d lines with 8-bit text, longest line %d", len(text), eight, longest)
	if from {
		s += `, a "From " line`
	}
	return s
}

func headerOf(text []byte, name string) string {
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if err != nil {
		return ""
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	return m.First(name)
}

func bodyOf(text []byte) []byte {
	// RFC 5322, Section 2.1.
	_, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	return body
}
