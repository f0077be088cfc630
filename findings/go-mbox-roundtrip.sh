#!/bin/sh
# emersion/go-mbox v1.0.4: what its Writer wrote, its Reader does not give back. Two differences:
# - a message that ends in a line end, as mail does, comes back with two empty lines more: the Writer
#   adds two line ends to the one that is there, and the Reader keeps them as part of the message;
# - ">From " comes back as "From ": the Writer quotes "From " alone (the form "mboxo"), and the Reader
#   unquotes every ">From ". ">>From " it leaves as it is, so it does not read the form "mboxrd".
# (Line ends come back as CRLF; they are not counted here.) A signature over such text breaks.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25
MOD
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/emersion/go-mbox"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	for _, body := range []string{"text\n", "From a\n", ">From a\n", ">>From a\n"} {
		var file bytes.Buffer
		w := mbox.NewWriter(&file)
		message, err := w.CreateMessage("alice@example.org", time.Unix(0, 0))
		check(err)
		_, err = io.WriteString(message, "Subject: x\n\n"+body)
		check(err)
		check(w.Close())
		r, err := mbox.NewReader(&file).NextMessage()
		check(err)
		read, err := io.ReadAll(r)
		check(err)
		_, after, _ := strings.Cut(strings.ReplaceAll(string(read), "\r\n", "\n"), "\n\n")
		fmt.Printf("%q is read as %q\n", body, after)
	}
}
GO
go get github.com/emersion/go-mbox@v1.0.4 >/dev/null 2>&1
go run . >out
cat out
diff - out <<'WANT'
"text\n" is read as "text\n\n\n"
"From a\n" is read as "From a\n\n\n"
">From a\n" is read as "From a\n\n\n"
">>From a\n" is read as ">>From a\n\n\n"
WANT
