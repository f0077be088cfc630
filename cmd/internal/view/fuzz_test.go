package view

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"dnseal/cmd/internal/mailbox"
)

// FuzzRead reads forms of any kind: what comes of it is within the limits, names no folder, and is
// walked to an end.
func FuzzRead(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.eml\"\r\n\r\nFrom: a@example.com\r\n\r\nx\r\n--b--\r\n"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"..\\\\..\\\\x\"\r\n\r\n{\"dnseal-evidence\":1}\r\n--b\r\n\r\n--b--"))
	f.Add("multipart/mixed; boundary=\"\"", []byte("----"))
	s := &Server{opts: Options{Limits: Limits{Upload: 1000, Files: 3}.withDefaults()}}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		r := httptest.NewRequest("POST", "/drop", bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		files, err := s.read(httptest.NewRecorder(), r, io.NopCloser(bytes.NewReader(body)))
		defer closeAll(files)
		if len(files) > 3 || err == nil && len(files) == 0 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		if err != nil {
			_ = s.refusal(err)
			return
		}
		var total int64
		for _, u := range files {
			if strings.ContainsAny(u.name, `/\`) && u.name != "/" || len(u.name) > maxName+3 || u.name == "" {
				t.Errorf("the name %q", u.name)
			}
			total += u.data.Size()
			_ = isEvidence(u.name, u.data)
			_ = mailbox.WalkReader(u.data.Open(), u.name, func(m mailbox.Message) error {
				if m.Open == nil {
					return nil
				}
				in, err := m.Open()
				if err != nil {
					return nil
				}
				defer in.Close()
				_, _ = io.Copy(io.Discard, in)
				return nil
			})
		}
		if total > 1000 {
			t.Errorf("%d octets", total)
		}
	})
}
