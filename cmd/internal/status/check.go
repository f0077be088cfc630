package status

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// Codes of troubles in addition to those of package lifecycle.
const (
	// CodeCertificate: the certificate, or one above it, ends soon or has ended, and its dates
	// count
	CodeCertificate lifecycle.Code = "certificate-ends"
	CodeUnpublished lifecycle.Code = "not-published" // the record was never published
)

// soon is how long before its end a certificate whose dates count is wrong.
const soon = 30 * 24 * time.Hour

// Troubles is all that is wrong with an identity.
func Troubles(o *provision.Outcome, now time.Time) []lifecycle.Trouble {
	if o.Err != nil {
		return nil
	}
	found := slices.Clone(o.Step.Troubles)
	if o.Step.Condition == lifecycle.New {
		nobody := "verify what it signs"
		if o.Keys.Folder == identity.EncryptFolder {
			nobody = "encrypt to it"
		}
		found = append(found, lifecycle.Trouble{Code: CodeUnpublished, Text: "no record publishes its key, so that nobody can " + nobody, Hint: "publish it: dnseal identity publish NAME"})
	}
	r, ok := o.Wanted()
	// RFC 7671, Section 5.1: under DANE-EE the dates do not count.
	if p, byCA := o.ByCA(); byCA {
		r = p.Record
	}
	if !ok || r.Usage == dane.DANEEE || o.Keys.Active.Certificate == nil {
		return found
	}
	if ends := o.Keys.Active.Certificate.NotAfter; ends.Sub(now) <= soon {
		found = append(found, lifecycle.Trouble{
			Code: CodeCertificate, Text: "its certificate ends at " + stamp(ends) + ", and by its record that counts",
			Hint: "dnseal identity rollover --renew, or get a new one from its CA",
		})
	}
	for _, c := range o.Keys.Active.Chain {
		if c.NotAfter.Sub(now) <= soon {
			found = append(found, lifecycle.Trouble{
				Code: CodeCertificate, Text: fmt.Sprintf("the certificate of its CA, %q, ends at %s, and by its record that counts", c.Subject, stamp(c.NotAfter)),
				Hint: "dnseal identity ca renew DOMAIN for a CA of the domain's own; else get new ones from its CA",
			})
		}
	}
	return found
}

// Check writes what is wrong, the same cause once, and a last line with the sums. The status is 0
// where nothing is wrong, 1 where something is, 3 where that could not be told, 2 for an error.
func Check(w io.Writer, outcomes []*provision.Outcome, now time.Time) (status cli.Exit) {
	l := Lines{Out: w, Err: w}
	right := 0
	for _, o := range outcomes {
		one := cli.ExitOK
		if o.Err != nil {
			l.add("error", o.Name, cli.Plain(o.Err), "")
			one = Code(o.Err)
		}
		found := Troubles(o, now)
		for _, t := range found {
			level := "wrong"
			if t.Undecided {
				level = "unknown"
			}
			l.add(level, o.Name, t.Text, t.Hint)
		}
		if one = Worse(one, ofTroubles(found)); one == cli.ExitOK {
			right++
		}
		status = Worse(status, one)
	}
	for _, c := range l.causes {
		c.print(w)
	}
	cli.Print(w, "%d right, %d not", right, len(outcomes)-right)
	return status
}

// metric is one family of the Prometheus text format.
type metric struct {
	name, help string
	samples    []string
}

func (m *metric) add(value float64, labels ...string) {
	var pairs []string
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(labels[i+1])+`"`)
	}
	text := m.name
	if len(pairs) > 0 {
		text += "{" + strings.Join(pairs, ",") + "}"
	}
	m.samples = append(m.samples, text+" "+strconv.FormatFloat(value, 'f', -1, 64))
}

// Prometheus writes the outcomes in the text exposition format, for the textfile collector of
// node_exporter. Errors: those of w.
func Prometheus(w io.Writer, outcomes []*provision.Outcome, now time.Time) error {
	state := &metric{name: "dnseal_identity_state", help: "Where the identity stands; 1 for the state that it is in."}
	up := &metric{name: "dnseal_identity_published", help: "1 where every name server shows the record of the key that signs, or of its CA."}
	wrong := &metric{name: "dnseal_identity_trouble", help: "1 for each thing that is wrong with the identity, by its code."}
	next := &metric{name: "dnseal_identity_next_step_timestamp_seconds", help: "When the identity can be carried on."}
	signed := &metric{name: "dnseal_identity_signatures_expire_timestamp_seconds", help: "When the first signature of the zone over the record ends."}
	cert := &metric{name: "dnseal_identity_certificate_not_after_timestamp_seconds", help: "The end of the certificate of the key that signs."}
	checked := &metric{name: "dnseal_identity_checked_timestamp_seconds", help: "When this was written."}
	for _, o := range outcomes {
		if o.Err != nil {
			state.add(1, "identity", o.Name, "state", "error")
			continue
		}
		state.add(1, "identity", o.Name, "state", string(o.Step.Condition))
		up.add(published(o), "identity", o.Name)
		for _, t := range Troubles(o, now) {
			wrong.add(1, "identity", o.Name, "code", string(t.Code))
		}
		if !o.Step.Until.IsZero() {
			next.add(float64(o.Step.Until.Unix()), "identity", o.Name)
		}
		if until := signedUntil(o); !until.IsZero() {
			signed.add(float64(until.Unix()), "identity", o.Name)
		}
		if o.Keys.Active != nil && o.Keys.Active.Certificate != nil {
			cert.add(float64(o.Keys.Active.Certificate.NotAfter.Unix()), "identity", o.Name)
		}
	}
	checked.add(float64(now.Unix()))
	return write(w, state, up, wrong, next, signed, cert, checked)
}

func published(o *provision.Outcome) float64 {
	if o.Keys.Active == nil {
		return 0
	}
	if _, ok := o.ByCA(); ok {
		return 1
	}
	for _, s := range o.Seen {
		if s.Status != lifecycle.Secure || !o.PublishedAt(s, o.Keys.Active) {
			return 0
		}
	}
	return 1
}

func write(w io.Writer, metrics ...*metric) error {
	b := bufio.NewWriter(w)
	seen := map[string]bool{}
	for _, m := range metrics {
		// Flush has the error
		_, _ = fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", m.name, m.help, m.name)
		for _, s := range m.samples {
			if !seen[s] { // two records of strangers are one trouble
				seen[s] = true
				_, _ = fmt.Fprintln(b, s)
			}
		}
	}
	return b.Flush()
}
