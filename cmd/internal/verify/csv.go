package verify

import (
	"cmp"
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// csvColumns are the columns of CSV, in their order. Names are those of the JSON form where it has
// the same; columns are only ever added, at the end.
var csvColumns = []struct {
	name  string
	value func(r *receiver.Report, s *receiver.SignatureReport) string
}{
	{"file", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.File }},
	{"verdict", func(r *receiver.Report, _ *receiver.SignatureReport) string { return string(r.Verdict) }},
	{"code", func(r *receiver.Report, _ *receiver.SignatureReport) string { return string(r.Code) }},
	{"reason", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.Reason }},
	{"action", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.Action }},
	{"class", func(r *receiver.Report, _ *receiver.SignatureReport) string { return string(r.Class) }},
	{"from", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.From }},
	{"protected_from", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.ProtectedFrom }},
	{"header_state", func(r *receiver.Report, _ *receiver.SignatureReport) string { return string(r.HeaderState) }},
	{"date", func(r *receiver.Report, _ *receiver.SignatureReport) string { return moment(r.Date) }},
	{"message_id", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.MessageID }},
	{"subject", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.Subject }},
	{"to", func(r *receiver.Report, _ *receiver.SignatureReport) string { return strings.Join(r.To, ", ") }},
	{"checked_at", func(r *receiver.Report, _ *receiver.SignatureReport) string { return moment(&r.CheckedAt) }},
	{"as_of", func(r *receiver.Report, _ *receiver.SignatureReport) string { return moment(r.AsOf) }},
	{"signatures", func(r *receiver.Report, _ *receiver.SignatureReport) string { return strconv.Itoa(len(r.Signatures)) }},
	// of the signature that decided
	{"identity", func(_ *receiver.Report, s *receiver.SignatureReport) string { return s.Identity }},
	{"name_bound", func(_ *receiver.Report, s *receiver.SignatureReport) string { return strconv.FormatBool(s.NameBound) }},
	{"covers", func(_ *receiver.Report, s *receiver.SignatureReport) string { return string(s.Covers) }},
	{"integrity", func(_ *receiver.Report, s *receiver.SignatureReport) string { return string(s.Integrity) }},
	{"algorithm", func(_ *receiver.Report, s *receiver.SignatureReport) string { return s.Algorithm }},
	{"signing_time", func(_ *receiver.Report, s *receiver.SignatureReport) string { return moment(s.SigningTime) }},
	{"binding", func(_ *receiver.Report, s *receiver.SignatureReport) string { return string(s.Binding) }},
	{"freshness", func(_ *receiver.Report, s *receiver.SignatureReport) string { return string(s.Freshness) }},
	{"dns_name", ofDNS(func(d *receiver.DNSReport) string { return d.Name })},
	{"dns_type", ofDNS(func(d *receiver.DNSReport) string { return d.Type })},
	{"dns_status", ofDNS(func(d *receiver.DNSReport) string { return d.Status })},
	{"dns_presence", ofDNS(func(d *receiver.DNSReport) string { return d.Presence })},
	{"dns_source", ofDNS(func(d *receiver.DNSReport) string { return d.Source })},
	{"certificate_issuer", ofCertificate(func(c *receiver.CertificateReport) string { return c.Issuer })},
	{"certificate_sha256", ofCertificate(func(c *receiver.CertificateReport) string { return c.SHA256 })},
	// of the message again
	{"protected_subject", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.ProtectedSubject }},
	{"encryption", func(r *receiver.Report, _ *receiver.SignatureReport) string { return ciphers(r.Encryption) }},
	{"decrypted_subject", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.DecryptedSubject }},
	{"dkim", func(r *receiver.Report, _ *receiver.SignatureReport) string { return r.DKIMText() }},
}

// ciphers are those of the layers, outermost first, with "not opened" for one that was not.
func ciphers(layers []receiver.EncryptionReport) string {
	var out []string
	for _, e := range layers {
		if e.Error != "" {
			out = append(out, "not opened")
			continue
		}
		out = append(out, e.Algorithm)
	}
	return strings.Join(out, ", ")
}

func ofDNS(value func(*receiver.DNSReport) string) func(*receiver.Report, *receiver.SignatureReport) string {
	return func(_ *receiver.Report, s *receiver.SignatureReport) string {
		if s.DNS == nil {
			return ""
		}
		return value(s.DNS)
	}
}

func ofCertificate(value func(*receiver.CertificateReport) string) func(*receiver.Report, *receiver.SignatureReport) string {
	return func(_ *receiver.Report, s *receiver.SignatureReport) string {
		if s.Certificate == nil {
			return ""
		}
		return value(s.Certificate)
	}
}

// moment is a time in RFC 3339 form; "" for none.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// records is a sink that writes CSV.
type records struct{ csv *csv.Writer }

// CSV returns a sink that writes a header row and a row for each report (RFC 4180, Section 2).
//
// Spreadsheets compute a cell that begins with =, +, - or @: such a cell gets a ' before it. A cell
// that begins with ' gets another, so that the first one never counts. Characters that are not
// printable are written as a question mark.
func CSV(w io.Writer) Sink {
	out := &records{csv: csv.NewWriter(w)}
	out.csv.UseCRLF = true
	names := make([]string, len(csvColumns))
	for i, c := range csvColumns {
		names[i] = c.name
	}
	_ = out.csv.Write(names) // into a buffer; Write returns its error
	return out
}

func (c *records) Read(context.Context, *message.Message, *receiver.Report) error { return nil }

// Write writes a row at once, so that a reader of the output has each when it is known.
func (c *records) Write(r *receiver.Report) error {
	s, signed := r.Decisive(), true
	if s == nil {
		s, signed = new(receiver.SignatureReport), false
	}
	row := make([]string, len(csvColumns))
	for i, column := range csvColumns {
		if column.name == "name_bound" && !signed {
			continue
		}
		row[i] = harmless(column.value(r, s))
	}
	err := c.csv.Write(row)
	c.csv.Flush()
	return cmp.Or(err, c.csv.Error())
}

// Close writes the header row where there was no report.
func (c *records) Close() error {
	c.csv.Flush()
	return c.csv.Error()
}

// harmless is a cell that shows what it holds, and does nothing.
func harmless(cell string) string {
	cell = cli.Printable(cell)
	if strings.IndexAny(cell, "=+-@'＝＋－＠") == 0 {
		return "'" + cell
	}
	return cell
}
