export * from './store/public.ts'
