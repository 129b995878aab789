/*
 * The scripts that Redis or Valkey runs, each as one step. A key is one debtor's; it is a hash of two moments, `0` and `1`
 * for the two lines, at which the debt is paid, in ms by the server's clock. It expires when both are past.
 */

const COMMON = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function owed(key, line)
  local moment = tonumber(redis.call('HGET', key, line) or '0')
  return math.max(0, moment - now)
end
local function owe(key, line, ms)
  redis.call('HSET', key, line, string.format('%.0f', now + ms))
  redis.call('PEXPIRE', key, math.max(1, math.ceil(math.max(owed(key, '0'), owed(key, '1')))))
end
`;

/**
 * KEYS: the debtors. ARGV: 1 if the question returns after having been turned away, the penalty in ms, the index of the
 * source and of the site (0: none); then for each debtor the refill and the ceilings of both lines in ms. Returns the line
 * that was charged, or -1, the index of the debtor that has to wait longest, and for how long in ms.
 */
export const ADMIT = `${COMMON}
local function wait(line)
  local longest, who = 0, 0
  for at, key in ipairs(KEYS) do
    local first = 2 + at * 3
    local ms = owed(key, line) + ARGV[first] - ARGV[first + 1 + line]
    if ms > longest then longest, who = ms, at end
  end
  return longest, who
end
local longest, who = wait(0)
local second = wait(1)
local line = longest == 0 and 0 or (ARGV[1] == '1' and second == 0 and 1 or -1)
if line >= 0 then
  for at, key in ipairs(KEYS) do owe(key, tostring(line), owed(key, tostring(line)) + ARGV[2 + at * 3]) end
  return { line, 0, 0 }
end
local source = tonumber(ARGV[3])
if ARGV[1] == '0' and source > 0 and who ~= tonumber(ARGV[4]) then
  local refill, ceiling = tonumber(ARGV[2 + source * 3]), tonumber(ARGV[3 + source * 3])
  local debt = owed(KEYS[source], '0')
  owe(KEYS[source], '0', math.max(debt, math.min(debt + refill, ceiling + ARGV[2] - refill)))
end
return { -1, who, math.ceil(math.min(longest, second)) }
`;

/** KEYS: the debtors. ARGV: the line, then for each debtor the refill in ms. */
export const GIVE_BACK = `${COMMON}
for at, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then owe(key, ARGV[1], math.max(0, owed(key, ARGV[1]) - ARGV[1 + at])) end
end
return 0
`;
