package message

import (
	"slices"
	"strings"
)

// ResultsField is the name of the field in which verifiers say what they found (RFC 8601, Section
// 2.2).
const ResultsField = "Authentication-Results"

// ForgedResults returns the changes that remove every Authentication-Results field of m that claims
// to be by the host called id, from the highest index down (RFC 8601, Section 5: who puts such
// fields there, or hands mail on to those who believe them, removes what came with the message). In
// doubt a field is removed; those in which all readers see another host stay as they are. A field
// of another name is removed where one is in it after a control octet that some read as a line end.
// Without an id there is nothing to remove.
func ForgedResults(m *Message, id string) []Change {
	if id == "" {
		return nil
	}
	if !slices.ContainsFunc(m.Header(), mayHoldResults) {
		return nil
	}
	ours := foldID(id)
	var out []Change
	left := maxResults
	index := map[string]int{}
	for _, f := range m.Header() {
		name := strings.ToLower(f.Name())
		index[name]++
		results := f.Is(ResultsField)
		if results {
			left -= len(f.Raw)
		}
		if results && (left < 0 || claims(f.Value(), ours)) || name != "" && hidesResults(f.Value(), ours) {
			out = append(out, Change{Op: Delete, Name: f.Name(), Index: index[name]})
		}
	}
	slices.Reverse(out)
	return out
}

// mayHoldResults leaves out the fields in which no reader sees results: of another name,
// and in printable ASCII but for line ends that fold.
func mayHoldResults(f Field) bool {
	if f.Is(ResultsField) {
		return true
	}
	raw := f.RawValue()
	for i, c := range raw {
		switch {
		case c >= ' ' && c <= '~', c == '\t':
		case c == '\r' && i+1 < len(raw) && raw[i+1] == '\n', c == '\n' && i > 0 && raw[i-1] == '\r':
		default:
			return true
		}
	}
	return false
}

// maxResults is how many octets of such fields are read; only a forger sends more, and those are
// removed unread.
const maxResults = 128 << 10

// IsAuthservID accepts names as hosts have them, so that nothing in them needs quoting. An
// authserv-id of ours (RFC 8601, Section 2.5) is one.
func IsAuthservID(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._", r)
	})
}

// maxHidden is how far a hidden field is looked at.
const maxHidden = 1 << 10

// hidesResults reports whether a field of ours is inside the value of another, after what some read
// as a line end.
func hidesResults(value, ours string) bool {
	if !holdsControl(value) && !strings.ContainsAny(value, "\u0085\u2028\u2029") {
		return false
	}
	text := bareText(plain(value))
	for {
		_, rest, found := strings.Cut(text, strings.ToLower(ResultsField)+":")
		if !found {
			return false
		}
		if text = rest; strings.Contains(rest[:min(len(rest), maxHidden)], ours) {
			return true
		}
	}
}

// claims reports whether some reader could take the value for one by ours. Where its authserv-id
// cannot be read it claims to be when ours stands anywhere in it.
func claims(value, ours string) bool {
	for _, text := range resultTexts(value) {
		// there are readers who know no quoted pairs in comments
		for _, t := range []string{text, undoPairs(text)} {
			before, id, err := authservID(t)
			switch {
			case err != nil:
				return claimsAnywhere(value, ours)
			case foldID(id) == ours, strings.Contains(bareText(before), ours):
				return true
			}
		}
	}
	return false
}

// resultTexts are the value as it stands, and as a person sees it.
func resultTexts(value string) []string {
	texts := []string{value}
	for _, v := range unfoldings(value) {
		texts = appendNew(texts, plain(v))
		decoded, _ := DecodeWords(v)
		texts = appendNew(texts, plain(decoded))
	}
	return texts
}

// claimsAnywhere looks for ours in every reading of a value.
func claimsAnywhere(value, ours string) bool {
	texts, undecoded := Readings(value)
	if undecoded != "" {
		return true // in a charset that is not known here
	}
	for _, t := range resultTexts(value) {
		texts = append(texts, t, uncommented(t))
	}
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(bareText(t), ours) })
}
