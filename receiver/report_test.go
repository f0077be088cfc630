package receiver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestJSONKeys: programs read these names. They are only ever added to.
func TestJSONKeys(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	r := newReport(nil, nil)
	r.File, r.Uncovered, r.Hops = "a.eml", []string{"x"}, []Hop{{By: "x", At: &at}}
	r.HeaderRestored, r.ResentBy = []string{"x"}, []string{"x"}
	r.CheckedAt, r.AsOf, r.Date, r.Action, r.Class = at, &at, &at, "reject", ClassWeak
	r.Evidence = &EvidenceReport{WitnessedAt: &at, Notes: []string{"x"}}
	r.Signatures = []*SignatureReport{{
		SigningTime: &at, Certificate: &CertificateReport{}, Differences: []string{"x"}, DNS: &DNSReport{Source: SourceStaple, Records: []RecordReport{{}}},
	}}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err = json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := "action as_of checked_at class code date evidence evidence.checked_at evidence.code evidence.file evidence.identical evidence.line evidence.notes evidence.sealed evidence.verdict evidence.witness evidence.witnessed_at file from header_restored header_state hops hops[].at hops[].by hops_trusted message_id protected_from reason resent_by signatures " +
		"signatures[].algorithm signatures[].binding signatures[].certificate signatures[].certificate.issuer signatures[].certificate.not_after " +
		"signatures[].certificate.not_before signatures[].certificate.serial signatures[].certificate.sha256 signatures[].certificate.subject " +
		"signatures[].code signatures[].covers signatures[].differences signatures[].dns signatures[].dns.name signatures[].dns.presence " +
		"signatures[].dns.records signatures[].dns.records[].matching signatures[].dns.records[].result signatures[].dns.records[].selector " +
		"signatures[].dns.records[].usage signatures[].dns.source signatures[].dns.status signatures[].dns.ttl signatures[].dns.type signatures[].freshness " +
		"signatures[].header_protection signatures[].header_state signatures[].identity signatures[].integrity signatures[].name_bound signatures[].part signatures[].reason " +
		"signatures[].signing_time signatures[].verdict subject to uncovered verdict"
	keys := paths("", got)
	slices.Sort(keys)
	if diff := strings.Join(keys, " "); diff != want {
		t.Errorf("keys:\n%s\nwant:\n%s", diff, want)
	}
	// A report about nothing has lists, not null.
	text, err = json.Marshal(newReport(nil, nil))
	if err != nil || !strings.Contains(string(text), `"to":[],"signatures":[],"hops":[]`) {
		t.Errorf("%s, %v", text, err)
	}
}

// paths lists the keys of a JSON value; those of the elements of a list once.
func paths(prefix string, v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for k, sub := range v {
			path := strings.TrimPrefix(prefix+"."+k, ".")
			out = append(out, path)
			out = append(out, paths(path, sub)...)
		}
	case []any:
		if len(v) > 0 {
			out = paths(prefix+"[]", v[0])
		}
	}
	return out
}
