package message_test

import (
	"fmt"
	"strings"

	"dnseal/smime/message"
)

// Read takes a message as it came; its fields keep their bytes.
func ExampleRead() {
	m, err := message.Read(strings.NewReader("From: Alice <alice@Example.ORG>\r\nSubject: Hello\r\n world\r\n\r\nText.\r\n"), message.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	from, err := m.From()
	fmt.Println(from, err)
	fmt.Println(m.First("subject"))
	// Output:
	// [alice@example.org] <nil>
	// Hello world
}
