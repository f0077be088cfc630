package transit

import (
	"errors"
	"strings"
	"testing"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// A plan that would lose something is not carried out.
func TestAccountFinds(t *testing.T) {
	t.Parallel()
	around := "From: a@example.org\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\nfirst word\r\n--m\r\n\r\nx \r\n--m--\r\nlast word\r\n"
	for _, c := range []struct {
		name, msg string
		do        func(root *entity.Part, plan Plan)
	}{
		{"text around the parts", around, func(root *entity.Part, plan Plan) { plan[root] = step{todo: reframe} }},
		{"an epilogue", strings.Replace(around, "first word\r\n", "", 1), func(root *entity.Part, plan Plan) { plan[root] = step{todo: reframe} }},
		{"a part", mixed("\r\nx \r\n", "\r\ny \r\n"), func(root *entity.Part, _ Plan) { root.Kids = root.Kids[:1] }},
		{"a part before others", mixed("\r\nx \r\n", "\r\ny \r\n"), func(root *entity.Part, _ Plan) { root.Kids = root.Kids[1:] }},
		{"the end", mixed("\r\nx \r\n"), func(root *entity.Part, plan Plan) {
			plan[root], root.End = step{todo: descend}, root.End-3
		}},
		{"the end of a part", mixed("\r\nx \r\n"), func(root *entity.Part, _ Plan) { root.Kids[0].End -= 4 }},
		{"the beginning of a part", mixed("\r\nx \r\n"), func(root *entity.Part, _ Plan) { root.Kids[0].Start += 3 }},
		{"parts where none are", mixed("\r\nx \r\n"), func(root *entity.Part, _ Plan) { root.Kids = nil }},
	} {
		root, pl, src := planned(t, c.msg)
		c.do(root, pl.Steps)
		w := message.NewSpool(0)
		e := Emitter{Ctx: t.Context(), Src: src, W: w, Plan: pl.Steps}
		if err := e.Content(root, int64(len(c.msg))); !errors.Is(err, ErrSelfCheck) {
			t.Errorf("%s: %v, want %v", c.name, err, ErrSelfCheck)
		}
		w.Close()
	}
}
