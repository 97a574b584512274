package boot

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// fastcgi asks for a script at a socket, and returns all that comes back, or the
// error. See the FastCGI specification, sections 3.3 and 3.4.
func fastcgi(socket, script string) string {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	const begin, params, stdin = 1, 4, 5
	var values []byte
	for name, value := range map[string]string{"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET", "REDIRECT_STATUS": "200"} {
		values = append(values, byte(len(name)), byte(len(value)))
		values = append(values, name+value...)
	}
	for _, r := range []struct {
		kind    byte
		content []byte
	}{{begin, []byte{0, 1, 0, 0, 0, 0, 0, 0}}, {params, values}, {params, nil}, {stdin, nil}} {
		header := []byte{1, r.kind, 0, 1, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(header[4:], uint16(len(r.content)))
		if _, err := c.Write(append(header, r.content...)); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(c)
	if err != nil {
		return fmt.Sprintf("%s: %v", text, err)
	}
	return string(text)
}
