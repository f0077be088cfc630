package handover

import (
	"encoding/json"
	"testing"

	"dnseal/smime/message"
)

// FuzzContent: what is read is within its limits, and reads the same when it is written again.
func FuzzContent(f *testing.F) {
	const head = `{"dnseal_handover":1,"id":"1","giver":"a.example","at":"2026-01-01T00:00:00Z","part":1,"parts":1,"entries":1,"columns":["serial"]}` + "\n"
	f.Add(head + `{"name":"s1._device.example.net","public_key":"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=","columns":{"serial":"1"}}` + "\n")
	f.Add(head + `{"certificate":"MAA=","provenance":[{"giver":"x","id":"y","at":"2026-01-01T00:00:00Z"}]}` + "\n")
	f.Add(`{"dnseal_handover":1,"entries":-1}` + "\n")
	f.Add(`[]` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		content := message.NewSpool(MaxContent)
		defer func() { _ = content.Close() }()
		_, _ = content.WriteString(text)
		var got []Entry
		h, err := readContent(t.Context(), content, func(_ *Header, e Entry) error { got = append(got, e); return nil })
		if err != nil {
			return
		}
		if len(got) != h.Entries {
			t.Fatalf("%d entries, and the header says %d", len(got), h.Entries)
		}
		for _, e := range got {
			if _, err := json.Marshal(e); err != nil || e.check(h) != nil {
				t.Errorf("%+v: %v, %v", e, err, e.check(h))
			}
		}
	})
}
