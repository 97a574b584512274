// An HTTP server on the socket that systemd would hand over.
const http = require('http');

const pauses = { '/fast': 10, '/slow': 700 };
http.createServer((request, response) => {
  setTimeout(() => {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.end(`${process.pid} ${request.url}\n`);
  }, pauses[request.url] || 0);
}).listen({ fd: 3 });
