package lookup

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// matrixZone has what the field has: present and absent names of each kind, wildcards (one of them
// an empty non-terminal), aliases to everywhere, and a record that no datagram holds.
const matrixZone = labZone + `unsafe._device CNAME sensor._device.plain.lab.
gone._device CNAME no._device.other.lab.
fake._device CNAME sensor._device.bogus.lab.
_443._tcp.*.star TLSA 3 1 1 00
`

// largeData is how many octets the certificate of the large record has.
const largeData = 4096

// matrixZones are the zones that every resolver of the matrix sees.
func matrixZones() []lookuptest.Zone {
	text := matrixZone + fmt.Sprintf("large._smimecert TYPE53 \\# %d 030000%s\n", largeData+3, strings.Repeat("5a", largeData))
	rich := func(name string, edit func(*lookuptest.Zone)) lookuptest.Zone {
		return zone(name, func(z *lookuptest.Zone) { z.Text = strings.ReplaceAll(text, "example.lab", name) }, edit)
	}
	return []lookuptest.Zone{
		rich("example.lab", func(*lookuptest.Zone) {}),
		rich("nsec3.lab", func(z *lookuptest.Zone) { z.NSEC3 = true }),
		rich("narrow.lab", func(z *lookuptest.Zone) { z.Narrow = true }),
		zone("other.lab"), zone("plain.lab", unsigned),
		zone("bogus.lab", broken(lookuptest.WrongSignature)), zone("expired.lab", broken(lookuptest.Expired)),
		zone("ds.lab", broken(lookuptest.WrongDS)), zone("stripped.lab", broken(lookuptest.MissingRRSIG)),
	}
}

// matrixCase is one question and the one right answer.
type matrixCase struct {
	what     string
	name     string
	typ      dane.Type
	status   dnssec.Status
	presence dane.Presence
}

func matrixCases() []matrixCase {
	var out []matrixCase
	for _, z := range []string{"example.lab", "nsec3.lab", "narrow.lab"} {
		out = append(out,
			matrixCase{"present", "sensor._device." + z, dane.TLSA, dnssec.Secure, dane.Present},
			matrixCase{"no name", "no._device." + z, dane.TLSA, dnssec.Secure, dane.Absent},
			matrixCase{"no type", "ns." + z, dane.TLSA, dnssec.Secure, dane.Absent},
			matrixCase{"empty non-terminal", "b.ent." + z, dane.TLSA, dnssec.Secure, dane.Absent},
			matrixCase{"wildcard", "x.wild._device." + z, dane.TLSA, dnssec.Secure, dane.Present},
			matrixCase{"wildcard, no type", "y.wild._device." + z, dane.SMIMEA, dnssec.Secure, dane.Absent},
			matrixCase{"empty wildcard", "x.star." + z, dane.TLSA, dnssec.Secure, dane.Absent},
			matrixCase{"alias", "alias._device." + z, dane.TLSA, dnssec.Secure, dane.Present},
			matrixCase{"alias to another zone", "away._device." + z, dane.TLSA, dnssec.Secure, dane.Present},
			matrixCase{"alias by DNAME", "sensor._device.d." + z, dane.TLSA, dnssec.Secure, dane.Present},
			matrixCase{"alias to no name", "gone._device." + z, dane.TLSA, dnssec.Secure, dane.Absent},
			matrixCase{"alias into an unsigned zone", "unsafe._device." + z, dane.TLSA, dnssec.Insecure, dane.Present},
			matrixCase{"alias into a bogus zone", "fake._device." + z, dane.TLSA, dnssec.Bogus, dane.Unknown},
			matrixCase{"large", "large._smimecert." + z, dane.SMIMEA, dnssec.Secure, dane.Present},
		)
	}
	return append(out,
		matrixCase{"no top-level domain", "nowhere", dane.TLSA, dnssec.Secure, dane.Absent},
		matrixCase{"unsigned delegation", "sensor._device.plain.lab", dane.TLSA, dnssec.Insecure, dane.Present},
		matrixCase{"unsigned delegation, no name", "no._device.plain.lab", dane.TLSA, dnssec.Insecure, dane.Absent},
		matrixCase{"bogus", "sensor._device.bogus.lab", dane.TLSA, dnssec.Bogus, dane.Unknown},
		matrixCase{"bogus, no name", "no._device.bogus.lab", dane.TLSA, dnssec.Bogus, dane.Unknown},
		matrixCase{"expired", "sensor._device.expired.lab", dane.TLSA, dnssec.Bogus, dane.Unknown},
		matrixCase{"wrong DS", "sensor._device.ds.lab", dane.TLSA, dnssec.Bogus, dane.Unknown},
		matrixCase{"without signatures", "sensor._device.stripped.lab", dane.TLSA, dnssec.Bogus, dane.Unknown},
	)
}

// TestMatrix asks each resolver of the field each question in each mode. Every answer is right, or
// says why it could not be had where the resolver is set up so that it cannot. Never is anything
// secure, absent or present that is not.
func TestMatrix(t *testing.T) {
	t.Parallel()
	plain := startLab(t, lookuptest.Options{}, matrixZones()...)
	validating := startLab(t, lookuptest.Options{Validating: true}, matrixZones()...)
	table := &matrixTable{rows: map[string]map[Mode]string{}}
	t.Run("resolvers", func(t *testing.T) {
		for _, r := range matrixResolvers() {
			t.Run(strings.ReplaceAll(r.name, " ", "-"), func(t *testing.T) {
				t.Parallel()
				l := plain
				if r.fake {
					l = validating
				}
				addr := r.start(t, l)
				for _, mode := range []Mode{Validate, Both, ADOnly} {
					table.add(r.name, mode, r.askAll(t, l, addr, mode))
				}
			})
		}
	})
	t.Log(table)
}

// askAll asks all questions in one mode and returns a cell of the table.
func (r *matrixResolver) askAll(t *testing.T, l *lab, addr string, mode Mode) string {
	t.Helper()
	options := func(o *Options) {
		o.Resolvers, o.Mode, o.Probe, o.Timeout = []string{addr}, mode, "expired.lab", time.Minute
	}
	if why, ok := r.refused[mode]; ok {
		o := Options{Anchors: l.anchors}
		options(&o)
		c, err := New(o)
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, ErrNotTrusted) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: New() error = %v, want %q", mode, err, why)
		}
		return "refused"
	}
	c := l.client(t, options)
	right, told := 0, 0
	for _, m := range matrixCases() {
		got := c.Lookup(t.Context(), m.name, m.typ)
		for again := time.Now().Add(20 * time.Second); r.judge(m, mode, got) == "" && got.Status == dnssec.Indeterminate && time.Now().Before(again); {
			// A busy machine: resolvers give up sooner than we do.
			fresh := l.client(t, options, func(o *Options) { o.NoCache = true })
			got = fresh.Lookup(t.Context(), m.name, m.typ)
			fresh.Close()
		}
		switch r.judge(m, mode, got) {
		case "right":
			right++
		case "told":
			told++
			if todo := got.Advice(); !strings.Contains(todo, "resolver") && !strings.Contains(todo, "mode validate") {
				t.Errorf("%s: %s (%s): the advice about %q does not name the resolver: %s", mode, m.what, m.name, got.Code, todo)
			}
			if r.strips && (!strings.Contains(got.Reason, addr) || !strings.Contains(got.Reason, "dnssec=process")) {
				t.Errorf("%s: %s (%s): %q names neither the resolver nor what to set", mode, m.what, m.name, got.Reason)
			}
		default:
			t.Errorf("%s: %s (%s) is %s, presence %d, %q (%s), want %s, %d", mode, m.what, m.name, got.Status, got.Presence, got.Code, got.Reason, m.status, m.presence)
		}
	}
	if told > 0 {
		return fmt.Sprintf("%d right, %d withheld", right, told)
	}
	return fmt.Sprintf("%d right", right)
}

// judge is "right", "told" where the answer says that the resolver stands in its way, and empty
// when the answer is wrong.
func (r *matrixResolver) judge(m matrixCase, mode Mode, got *Result) string {
	status, code, must := r.withheld(m, mode)
	right := got.Status == m.status && got.Presence == m.presence && len(got.Records) > 0 == (m.presence == dane.Present)
	switch {
	case code != "" && got.Status == status && got.Code == code && got.Presence == dane.Unknown && len(got.Records) == 0:
		return "told"
	case !right || must || m.what == "large" && len(got.Records[0].Data) != largeData:
		return ""
	}
	return "right"
}

// withheld is the status and code of the answer that says what stands in the way, if there is one,
// and whether it must come.
func (r *matrixResolver) withheld(m matrixCase, mode Mode) (status dnssec.Status, code dnssec.Code, must bool) {
	misjudged := r.misjudges[m.what] != ""
	switch {
	case r.strips:
		return dnssec.Indeterminate, chain.CodeStrips, true
	case mode == Both && !r.validates && m.status == dnssec.Secure:
		return dnssec.Indeterminate, chain.CodeDisagree, true
	case m.status == dnssec.Bogus && r.hidesBogus:
		return dnssec.Indeterminate, dnssec.CodeServfail, false
	case mode == Both && misjudged:
		return dnssec.Indeterminate, chain.CodeDisagree, false
	case mode == ADOnly && misjudged:
		return dnssec.Bogus, chain.CodeBogus, false
	}
	return dnssec.Indeterminate, "", false
}

// matrixTable collects the outcome.
type matrixTable struct {
	mu   sync.Mutex
	rows map[string]map[Mode]string
}

func (m *matrixTable) add(resolver string, mode Mode, cell string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows[resolver] == nil {
		m.rows[resolver] = map[Mode]string{}
	}
	m.rows[resolver][mode] = cell
}

func (m *matrixTable) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%d questions\t%s\t%s\t%s\n", len(matrixCases()), Validate, Both, ADOnly)
	for _, r := range matrixResolvers() {
		row := m.rows[r.name]
		if row == nil {
			fmt.Fprintf(w, "%s\tskipped\t\t\n", r.name)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.name, row[Validate], row[Both], row[ADOnly])
	}
	_ = w.Flush()
	return b.String()
}

// waitForSOA waits until a resolver answers, with what it does not believe too.
func waitForSOA(t *testing.T, addr string, ended <-chan struct{}) bool {
	t.Helper()
	c := dns.Client{Net: "udp", Timeout: 2 * time.Second}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		m := new(dns.Msg)
		m.SetQuestion("example.lab.", dns.TypeSOA)
		m.SetEdns0(1232, false)
		m.CheckingDisabled = true
		if in, _, err := c.Exchange(m, addr); err == nil && in.Rcode == dns.RcodeSuccess && len(in.Answer) == 1 {
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}
