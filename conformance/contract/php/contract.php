<?php
// The contract (../README.md) for PHP, run by php-fpm or php-cgi. Responder, and Authorizer, which PHP runs as it runs
// a Responder. Not offered, because PHP gives no way to it: stderr (what PHP logs comes with words of its own: that is error), wait (PHP
// tells of an aborted request only those who write), data, cached, exit.
//
// Wants enable_post_data_reading=0 and post_max_size=0, or PHP takes the body before we can read or leave it: in the pool's
// php-fpm.conf, php_admin_value[enable_post_data_reading] = 0 and php_admin_value[post_max_size] = 0.
declare(strict_types=1);

while (ob_get_level() > 0) ob_end_clean();  // output_buffering, 4096 in php.ini: what we say goes out when we flush

const BLOCK_SIZE = 65536;
/** php-fpm alone can end a request before its program ends. */
const FINISHES = PHP_SAPI === 'fpm-fcgi';
const OPERATIONS = ['authorize', 'deny', 'early', 'echo', 'error', 'hello', 'large', ...(FINISHES ? ['late'] : []), 'length', 'params', 'status', 'unread', 'update'];

/** Reads FCGI_STDIN to its end, gives each block to `$use`, and says how many bytes there were. */
function read_stdin(?callable $use = null): int {
    $length = 0;
    $stdin = fopen('php://input', 'rb');
    while (($block = fread($stdin, BLOCK_SIZE)) !== false && $block !== '') {
        $length += strlen($block);
        if ($use) $use($block);
    }
    return $length;
}

function escape(string $text, string $also): string {
    return preg_replace_callback("/[^\\x21-\\x7e]|[%$also]/", fn($m) => sprintf('%%%02X', ord($m[0])), $text);
}

/** Of what PHP has, $_SERVER holds the least that did not come as FCGI_PARAMS; getenv() has the same names, and the
 *  environment of the process besides. Both change names: see the README. */
function print_params(string $prefix): void {
    $pairs = array_filter($_SERVER, fn($name) => str_starts_with((string)$name, $prefix), ARRAY_FILTER_USE_KEY);
    ksort($pairs, SORT_STRING);
    foreach ($pairs as $name => $value)
        if (is_scalar($value)) echo escape((string)$name, '='), '=', escape((string)$value, ''), "\n";
}

function print_large(int $size): void {
    $block = str_repeat('0123456789abcdef', BLOCK_SIZE / 16);
    for (; $size > 0; $size -= BLOCK_SIZE) echo $size < BLOCK_SIZE ? substr($block, 0, $size) : $block;
}

function answer(string $operation, string $argument): void {
    switch ($operation) {
        case 'hello': echo 'fcgispec contract 1: ', implode(' ', OPERATIONS), "\n"; return;
        case 'echo': read_stdin(function ($block) { echo $block; }); return;
        case 'error': ini_set('error_log', ''); error_log(str_repeat('e', (int)$argument)); echo "ok\n"; return;
        case 'late': if (!FINISHES) break; echo "ok\n"; fastcgi_finish_request(); echo "late\n"; flush(); return;
        case 'length': echo read_stdin(), "\n"; return;
        case 'params': print_params($argument); return;
        case 'large': print_large((int)$argument); return;
        case 'status': echo "ok\n"; exit((int)$argument);
        case 'unread': echo "ok\n"; return;
        case 'early': echo "early\n"; flush(); echo read_stdin(), "\n"; return;
        case 'update': echo read_stdin() === (int)($_SERVER['CONTENT_LENGTH'] ?? 0) ? '' : 'in', "complete\n"; return;
        case 'authorize': header('Status: 200'); header('Variable-FCGISPEC: yes'); return;
        case 'deny': header('Status: 403'); echo "denied\n"; return;
    }
    echo "unsupported\n";
}

ini_set('default_charset', '');  // else PHP adds it to Content-Type
header('Content-Type: text/plain');
if (!preg_match('/^fcgispec\.([a-z]*)(?:=(.*))?$/s', $_SERVER['QUERY_STRING'] ?? '', $match)) {
    if (($_SERVER['FCGI_ROLE'] ?? '') === 'FILTER') read_stdin();
    echo "hello\n";
}
elseif (in_array($match[1], ['error', 'large', 'status'], true) && !preg_match('/^\d{1,10}$/D', $match[2] ?? '')) echo "unsupported\n";
elseif ($match[1] === 'status' && (int)$match[2] > 255) echo "unsupported\n";
else answer($match[1], $match[2] ?? '');
