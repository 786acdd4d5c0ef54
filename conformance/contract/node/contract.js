// The contract (../README.md) in JavaScript, on node-fastcgi; responder, authorizer and filter.
// Not offered: status, which the library does not let us choose. It decodes names and values as UTF-8.
'use strict';

const fastcgi = require('node-fastcgi');

const BLOCK_SIZE = 65536;

// Reads a stream to its end, gives each block to `use`, then the number of bytes to `done`.
function readAll(stream, use, done) {
    let length = 0;
    stream.on('data', (block) => { length += block.length; use(block); });
    stream.on('end', () => done(length));
}

const ignore = () => {};

function writeCycle(to, cycle, size, done) {
    const block = Buffer.alloc(Math.min(size, BLOCK_SIZE), cycle);
    if (size === 0) return done();
    to.write(block, () => writeCycle(to, cycle, size - block.length, done));
}

const escaped = (text, unsafe) => Buffer.from(text).toString('latin1').replace(
    unsafe, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));

function params(request, prefix) {
    const names = Object.keys(request.cgiParams).filter((name) => name.startsWith(prefix)).sort();
    const line = (name, value) => escaped(name, /[^\x21-\x7e]|[%=]/g) + '=' + escaped(value, /[^\x21-\x7e]|%/g) + '\n';
    return names.map((name) => line(name, request.cgiParams[name])).join('');
}

function writeError(request, response, size) {
    writeCycle(response.stderr, 'e', Number(size), () => response.stderr.end(() => response.end('ok\n')));
}

const OPERATIONS = {
    authorize(request, response) { response.setHeader('Variable-FCGISPEC', 'yes'); response.end(); },
    cached(request, response) { readAll(request, ignore, () => response.end('cached\n')); },
    data(request, response) {
        const file = [];
        readAll(request, ignore, () => readAll(request.data, (block) => file.push(block), (length) => {
            if (length < Number(request.cgiParams.FCGI_DATA_LENGTH || 0)) response.statusCode = 500;
            response.end(Buffer.concat(file));
        }));
    },
    deny(request, response) { response.statusCode = 403; response.end('denied\n'); },
    early(request, response) {
        response.write('early\n');
        readAll(request, ignore, (length) => response.end(`${length}\n`));
    },
    echo(request, response) { readAll(request, (block) => response.write(block), () => response.end()); },
    error: writeError,
    // No new connections; the process ends when the present ones have been closed.
    exit(request, response) { server.close(); response.end('bye\n'); },
    hello(request, response) { response.end(`fcgispec contract 1: ${Object.keys(OPERATIONS).join(' ')}\n`); },
    large(request, response, size) { writeCycle(response, '0123456789abcdef', Number(size), () => response.end()); },
    length(request, response) { readAll(request, ignore, (length) => response.end(`${length}\n`)); },
    params(request, response, prefix) { response.end(params(request, prefix)); },
    stderr: writeError,
    unread(request, response) { response.end('ok\n'); },
    update(request, response) {
        const wanted = Number(request.cgiParams.CONTENT_LENGTH || 0);
        readAll(request, ignore, (length) => response.end(length === wanted ? 'complete\n' : 'incomplete\n'));
    },
    // The library itself ends an aborted request.
    wait(request, response) { response.write('waiting\n'); },
};
const FOR_FILTER = ['cached', 'data'];
const TAKES_NUMBER = ['error', 'large', 'stderr'];

function serve(role, request, response) {
    // The connection may end first; what is written then is an error of these streams, which would end the process.
    for (const stream of [response.stdout, response.stderr]) stream.on('error', ignore);
    const [, name, argument] = (request.cgiParams.QUERY_STRING || '').match(/^fcgispec\.([^=]*)=?(.*)$/s) || [];
    response.setHeader('Content-Type', 'text/plain');
    if (name === undefined && role === 'filter') readAll(request, ignore, () => response.end('hello\n'));
    else if (name === undefined) response.end('hello\n');
    else if (!Object.hasOwn(OPERATIONS, name) || (FOR_FILTER.includes(name) && role !== 'filter') ||
             (TAKES_NUMBER.includes(name) && !/^[0-9]{1,10}$/.test(argument))) response.end('unsupported\n');
    else OPERATIONS[name](request, response, argument);
}

const server = fastcgi.createServer(...['responder', 'authorizer', 'filter'].map((role) => serve.bind(null, role)));
server.listen({ fd: 0 });  // the listening socket [§2.2]
