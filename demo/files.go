package main

import (
	"fmt"
	"net"
)

// script is what php-cgi runs for every path; the stand-in does the same.
const script = `<?php
usleep($_SERVER['REQUEST_URI'] == '/slow' ? 1000000 : 10000);
header('Content-Type: text/plain');
echo 'answered by process ', getmypid(), "\n";
`

// configuration is the example: what a site of one's own would start from.
func (s *site) configuration(command string) string {
	text := fmt.Sprintf(`[backend]
command   = [%s]
directory = %q
`, command, s.dir)
	if s.user != "" {
		text += fmt.Sprintf("user      = %q\n", s.user)
	}
	return text + fmt.Sprintf(`
[socket]
path = %q

[environment]
PHP_FCGI_CHILDREN = 8
PHP_FCGI_MAX_REQUESTS = 0

[drain]
patience = "200ms"  # under steady load there is no quiet moment to wait for

[output]
to = %q
`, s.socket(), s.path("output.log"))
}

func (s *site) lighttpdConf() string {
	host, port, _ := net.SplitHostPort(s.listen) // free has listened on it
	text := fmt.Sprintf(`server.document-root = %[1]q
server.bind = %[2]q
server.port = %[3]s
server.modules = ("mod_rewrite", "mod_fastcgi")
url.rewrite-once = ("^/([^?]*)(\?.*)?$" => "/index.php/$1$2")
fastcgi.server = (".php" => (("socket" => %[4]q)))
`, s.dir, host, port, s.socket())
	if s.user != "" {
		text += fmt.Sprintf("server.username = %[1]q\nserver.groupname = %[1]q\n", s.user)
	}
	return text
}
