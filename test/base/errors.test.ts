import { expect, test } from 'vitest'
import { ERROR_CODES, isStoreError, StoreError } from '../../src/base/errors.ts'

test('codes are distinct, in order, and look like codes', () => {
  expect([...ERROR_CODES]).toEqual([...new Set(ERROR_CODES)].sort())
  for (const code of ERROR_CODES) expect(code).toMatch(/^ERR_[A-Z]+(_[A-Z]+)*$/)
})

test('an error carries its code, cause and details', () => {
  const cause = new Error('underneath')
  const error = new StoreError('ERR_IO', 'It failed', { cause, details: { path: 'a', offset: 3 } })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({
    name: 'StoreError',
    code: 'ERR_IO',
    message: 'It failed',
    details: { path: 'a', offset: 3 },
  })
  expect(error.cause).toBe(cause)
  expect(String(error)).toBe('StoreError: It failed')
})

test('without a cause there is none, and details are empty', () => {
  const error = new StoreError('ERR_IO', 'It failed')
  expect('cause' in error).toBe(false)
  expect(error.details).toEqual({})
})

test('is told by its tag, from any copy of the package', () => {
  const error = new StoreError('ERR_IO', 'It failed')
  expect(isStoreError(error)).toBe(true)
  expect(isStoreError(error, 'ERR_IO')).toBe(true)
  expect(isStoreError(error, 'ERR_DISK_FULL')).toBe(false)
  expect(isStoreError({ name: 'StoreError', code: 'ERR_IO' }, 'ERR_IO')).toBe(true)
})

test.each([undefined, null, 'StoreError', 7, {}, new Error('StoreError'), new TypeError('x')])(
  '%s is none',
  (value) => {
    expect(isStoreError(value)).toBe(false)
  },
)
