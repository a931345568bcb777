/** Secrets as `openssl rand -base64 32` makes them. */
export const [KEY, OLD, OTHER] = [
  'fl1GkQvQAAoJlxXzb2Bb4sQ1Ol3HBNkXUaLVwHNoyEs=',
  'Xn5xuQ+G9+nPC2E6pxIt9NEJ9P4zV3T9wWYxVEdBPcM=',
  'c1Dq7mG8yXk2s8v0JbYQ4h0uR9q3ZcW5tPnLrE6oIaM=',
] as const;
