package transit

import (
	"testing"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// FuzzFields wants a field that survives transit to be one field of the same name, and safe when it
// is looked at again.
func FuzzFields(f *testing.F) {
	f.Add("From: A <a@example.org>\r\nSubject: x\r\n")
	f.Add("Subject: \xc3\xbc \xfc\r\nTo: \"M\xfcller, J.\" <a@example.org> (B\xfcro)\r\nDate: x\xff\r\n")
	f.Add("X-Note: a\x00b\nContent-Disposition: attachment; filename=\"\xc3\xbc\"\n")
	f.Fuzz(func(t *testing.T, header string) {
		fields, _ := message.ParseHeader([]byte(header))
		for _, field := range fields {
			checkCopy(t, field)
		}
	})
}

func checkCopy(t *testing.T, f message.Field) {
	t.Helper()
	raw, err := copyOfField(f)
	if err != nil || f.Name() == "" {
		return
	}
	again, _ := message.ParseHeader(raw)
	if len(again) != 1 || !again[0].Is(f.Name()) {
		t.Fatalf("%q became %q", f.Raw, raw)
	}
	if h := fieldHazards(raw) & entity.Breaking &^ entity.Has8bit; h != 0 {
		t.Fatalf("%q became %q: %s", f.Raw, raw, h)
	}
}
