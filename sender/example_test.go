package sender_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// SignMessage signs a message for the owner of the keys. Its record must be published, so that
// others can verify that: see identity.Record.
func ExampleSignMessage() {
	dir, err := os.MkdirTemp("", "identities-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	alice, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{})
	if err != nil {
		log.Fatal(err)
	}

	m, err := message.Read(strings.NewReader("From: alice@example.org\r\nSubject: Lunch\r\n\r\nMeet me at noon.\r\n"), message.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	edit, err := sender.SignMessage(context.Background(), m, []*identity.Identity{alice}, smime.SignOptions{Time: time.Now()})
	if err != nil {
		log.Fatal(err)
	}
	defer edit.Close()
	var signed bytes.Buffer
	if _, err := m.WriteEdited(&signed, edit); err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"\nDate: ", "\nMessage-ID: ", "\nContent-Type: multipart/signed;"} {
		fmt.Println(strings.Contains(signed.String(), name))
	}
	// Output:
	// true
	// true
	// true
}
